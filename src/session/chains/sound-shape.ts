import { bytesPerSample, PHONE_AUDIO, sampleAt } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';

/** What is kept of a stretch of sound this long. */
export const FRAME_MS = 20;

/** The outline of a voice, by frames: enough to tell a vowel from an "s" and both from a closed mouth. */
export type SoundShape = {
  write(audio: Uint8Array): void;
  /** Of every whole frame so far: mean power of 16-bit samples, in dB. */
  readonly levelsDb: readonly number[];
  /** Of every whole frame so far: how many of its samples have another sign than the one before, from 0 to 1. */
  readonly crossings: readonly number[];
};

const RATE_HZ = PHONE_AUDIO.sampleRateHz;
const FRAME_SAMPLES = (FRAME_MS * RATE_HZ) / 1_000;
/** A step over zero smaller than this is noise of the coding. */
const MIN_CROSSING = 60;

/**
 * Looks at the telephone's samples, whatever the format: what a hiss is was fitted to those. Of more
 * samples the mean is taken, which is filter enough: what it lets alias is a hiss either way.
 */
export function createSoundShape(format: AudioFormat): SoundShape {
  const step = bytesPerSample(format);
  const ratio = format.sampleRateHz / RATE_HZ;
  let sum = 0;
  let summed = 0;
  const levelsDb: number[] = [];
  const crossings: number[] = [];
  let count = 0;
  let power = 0;
  let crossed = 0;
  let last = 0;
  return {
    levelsDb,
    crossings,
    write(audio) {
      for (let at = 0; at < audio.length; at += step) {
        sum += sampleAt(audio, at, format);
        if (++summed < ratio) continue;
        const sample = sum / ratio;
        sum = 0;
        summed = 0;
        power += sample * sample;
        if (sample >= 0 !== last >= 0 && Math.abs(sample - last) > MIN_CROSSING) crossed++;
        last = sample;
        if (++count < FRAME_SAMPLES) continue;
        levelsDb.push(10 * Math.log10(power / FRAME_SAMPLES + 1));
        crossings.push(crossed / FRAME_SAMPLES);
        count = 0;
        power = 0;
        crossed = 0;
      }
    },
  };
}
