import { bytesOf, bytesPerSample, msOf, sampleAt } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';

/** A stretch without sound between two with, in ms of the audio. */
export type Pause = { readonly startMs: number; readonly endMs: number };

/** Finds where a voice pauses. */
export type PauseFinder = {
  write(audio: Uint8Array): void;
  /** In order; the last one may be going on. */
  pauses(): readonly Pause[];
  /** The end of the last sound, if the voice has been silent since for at least as long as between two words. */
  fellSilentMs(): number | undefined;
};

/** About -50 dBFS: above the noise of a synthesised voice, below its quietest sound. */
const QUIET_AMPLITUDE = 100;
const MIN_SILENCE_MS = 40;
/** The closing of the mouth before a "p" or a "t" is shorter, the pause at a comma longer. */
const MIN_PAUSE_MS = 130;

export function createPauseFinder(format: AudioFormat): PauseFinder {
  const minSilenceBytes = bytesOf(MIN_SILENCE_MS, format);
  const minPauseBytes = bytesOf(MIN_PAUSE_MS, format);
  const step = bytesPerSample(format);
  const ms = (bytes: number): number => msOf(bytes, format);
  const pauses: Pause[] = [];
  let atBytes = 0;
  /** The end of the last sound; undefined before the first. */
  let soundUntilBytes: number | undefined;
  return {
    pauses() {
      const pausing = soundUntilBytes !== undefined && atBytes - soundUntilBytes >= minPauseBytes;
      if (!pausing) return pauses;
      return [...pauses, { startMs: ms(soundUntilBytes ?? 0), endMs: ms(atBytes) }];
    },
    fellSilentMs: () =>
      soundUntilBytes !== undefined && atBytes - soundUntilBytes >= minSilenceBytes
        ? ms(soundUntilBytes)
        : undefined,
    write(audio) {
      for (let at = 0; at < audio.length; at += step) {
        const startBytes = atBytes;
        atBytes += step;
        if (Math.abs(sampleAt(audio, at, format)) < QUIET_AMPLITUDE) continue;
        if (soundUntilBytes !== undefined && startBytes - soundUntilBytes >= minPauseBytes)
          pauses.push({ startMs: ms(soundUntilBytes), endMs: ms(startBytes) });
        soundUntilBytes = atBytes;
      }
    },
  };
}
