import { MULAW_TO_LINEAR, phoneBytes } from '#audio/g711.ts';

/** What is kept of a stretch of sound this long. */
export const FRAME_MS = 20;

/** The outline of a voice, by frames: enough to tell a vowel from an "s" and both from a closed mouth. */
export type SoundShape = {
  write(mulaw: Uint8Array): void;
  /** Of every whole frame so far: mean power of 16-bit samples, in dB. */
  readonly levelsDb: readonly number[];
  /** Of every whole frame so far: how many of its samples have another sign than the one before, from 0 to 1. */
  readonly crossings: readonly number[];
};

const FRAME_BYTES = phoneBytes(FRAME_MS);
/** A step over zero smaller than this is noise of the coding. */
const MIN_CROSSING = 60;

export function createSoundShape(): SoundShape {
  const levelsDb: number[] = [];
  const crossings: number[] = [];
  let count = 0;
  let power = 0;
  let crossed = 0;
  let last = 0;
  return {
    levelsDb,
    crossings,
    write(mulaw) {
      for (const byte of mulaw) {
        const sample = MULAW_TO_LINEAR[byte] ?? 0;
        power += sample * sample;
        if (sample >= 0 !== last >= 0 && Math.abs(sample - last) > MIN_CROSSING) crossed++;
        last = sample;
        if (++count < FRAME_BYTES) continue;
        levelsDb.push(10 * Math.log10(power / FRAME_BYTES + 1));
        crossings.push(crossed / FRAME_BYTES);
        count = 0;
        power = 0;
        crossed = 0;
      }
    },
  };
}
