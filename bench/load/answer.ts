import { phoneMs } from '#audio/g711.ts';
import { firstAudible } from './voice.ts';

/** What of one answer has come to the caller's ear, frame by frame, and whether it was the right one. */
export type Answer = {
  /** What 20 ms of the line held; empty when the line was silent for want of audio. */
  take(heard: Uint8Array, nowMs: number): void;
  /** When its first audible sample was played. */
  readonly heardAtMs: number | undefined;
  /** Pauses in it that nobody meant: the line's buffer ran dry in its middle. */
  readonly gapsMs: readonly number[];
  /** Undefined: it goes on, or has not begun. Right is what has every sample that was expected. */
  readonly verdict: 'right' | 'wrong' | undefined;
};

/** Silence after which nothing more can be hoped for. */
const QUIET_MS = 800;

export function createAnswer(expected: Uint8Array): Answer {
  const bytes = new Uint8Array(expected.length);
  const gapsMs: number[] = [];
  let filled = 0;
  let dryMs = 0;
  let heardAtMs: number | undefined;
  let verdict: Answer['verdict'];

  return {
    take(heard, nowMs) {
      if (verdict) return;
      if (heardAtMs === undefined) {
        const first = firstAudible(heard);
        if (first >= 0) heardAtMs = nowMs + phoneMs(first);
      }
      const fits = Math.min(heard.length, expected.length - filled);
      bytes.set(heard.subarray(0, fits), filled);
      filled += fits;
      if (filled === expected.length) verdict = sameBytes(bytes, expected) ? 'right' : 'wrong';
      if (heardAtMs === undefined) return;
      if (heard.length > 0) {
        if (dryMs > 0) gapsMs.push(dryMs);
        dryMs = 0;
      } else dryMs += 20;
      if (dryMs >= QUIET_MS) verdict ??= 'wrong';
    },
    get heardAtMs() {
      return heardAtMs;
    },
    gapsMs,
    get verdict() {
      return verdict;
    },
  };
}

const sameBytes = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;
