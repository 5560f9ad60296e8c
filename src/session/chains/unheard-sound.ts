import { isLoud } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';

/** One sample in so many is enough to notice a sound. */
const LOOK_EVERY = 4;
/** Sounds closer together than this are one. */
const APART_MS = 100;
/** What a recogniser says may still not count the sound of so long before. */
const LAG_MS = 2_000;
/** A recogniser that lives has said something by then, and one that does not is known to be dead. */
const FORGET_AFTER_MS = 15_000;

/** Which sound that a recogniser was given may hold words that it has not said. Positions count bytes of a call's audio. */
export type UnheardSound = {
  given(audio: Uint8Array, atBytes: number, nowMs: number): void;
  /** The recogniser has said something; what was before `finalBytes` is final. */
  answered(nowMs: number, finalBytes: number): void;
  /** Where it begins; undefined: there is none. */
  startBytes(nowMs: number): number | undefined;
};

export function createUnheardSound(format: AudioFormat): UnheardSound {
  let sounds: { readonly atBytes: number; readonly atMs: number }[] = [];
  const keep = (sinceMs: number, fromBytes = 0): void => {
    if (sounds.length === 0) return;
    sounds = sounds.filter(({ atMs, atBytes }) => atMs >= sinceMs && atBytes >= fromBytes);
  };
  return {
    given(audio, atBytes, nowMs) {
      const last = sounds.at(-1);
      // Faster than it was spoken, much is given at one time.
      if (last && nowMs - last.atMs < APART_MS && nowMs !== last.atMs) return;
      if (isLoud(audio, format, LOOK_EVERY)) sounds.push({ atBytes, atMs: nowMs });
    },
    answered: (nowMs, finalBytes) => keep(nowMs - LAG_MS, finalBytes),
    startBytes(nowMs) {
      const [first] = sounds;
      if (first && first.atMs < nowMs - FORGET_AFTER_MS) keep(nowMs - FORGET_AFTER_MS);
      return sounds[0]?.atBytes;
    },
  };
}
