import { MULAW_TO_LINEAR, phoneBytes, phoneMs } from '#audio/g711.ts';

/** A stretch without sound between two with, in ms of the audio. */
export type Pause = { readonly startMs: number; readonly endMs: number };

/** Finds where a voice pauses. */
export type PauseFinder = {
  write(mulaw: Uint8Array): void;
  /** In order; the last one may be going on. */
  pauses(): readonly Pause[];
  /** The end of the last sound, if the voice has been silent since for at least as long as between two words. */
  fellSilentMs(): number | undefined;
};

/** About -50 dBFS: above the noise of a synthesised voice, below its quietest sound. */
const QUIET_AMPLITUDE = 100;
const MIN_SILENCE_BYTES = phoneBytes(40);
/** The closing of the mouth before a "p" or a "t" is shorter, the pause at a comma longer. */
const MIN_PAUSE_BYTES = phoneBytes(130);

export function createPauseFinder(): PauseFinder {
  const pauses: Pause[] = [];
  let atBytes = 0;
  /** The end of the last sound; undefined before the first. */
  let soundUntilBytes: number | undefined;
  return {
    pauses() {
      const pausing = soundUntilBytes !== undefined && atBytes - soundUntilBytes >= MIN_PAUSE_BYTES;
      if (!pausing) return pauses;
      return [...pauses, { startMs: phoneMs(soundUntilBytes ?? 0), endMs: phoneMs(atBytes) }];
    },
    fellSilentMs: () =>
      soundUntilBytes !== undefined && atBytes - soundUntilBytes >= MIN_SILENCE_BYTES
        ? phoneMs(soundUntilBytes)
        : undefined,
    write(mulaw) {
      for (const byte of mulaw) {
        const startBytes = atBytes++;
        if (Math.abs(MULAW_TO_LINEAR[byte] ?? 0) < QUIET_AMPLITUDE) continue;
        if (soundUntilBytes !== undefined && startBytes - soundUntilBytes >= MIN_PAUSE_BYTES)
          pauses.push({ startMs: phoneMs(soundUntilBytes), endMs: phoneMs(startBytes) });
        soundUntilBytes = atBytes;
      }
    },
  };
}
