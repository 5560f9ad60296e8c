import { bytesOf, msOf } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';
import type { Cancel, Clock } from '#lib/clock.ts';

/** Sound on its way to a player that cannot be told to stop, so that it gets little ahead of time. */
export type Pacer = {
  /** Whole samples; copied. */
  push(audio: Uint8Array): void;
  /** Comes back when the player has played all that was pushed before it, or should have. */
  mark(name: string): void;
  /**
   * Throws away what was not sent. What was is played to its end, and its marks come back when it has
   * been; those of what was thrown away come after them.
   */
  clear(): void;
  /** Nothing is sent and no mark comes back any more. */
  close(): void;
};

/** What is sent at a time. */
const CHUNK_MS = 20;
/** Marks that were thrown away come so long after those that were played that nobody takes them for such. */
const CLEARED_AFTER_MS = 40;
/** What a cut is softened with. */
const CUT_MS = 5;

type Mark = { readonly name: string; readonly atBytes: number };

/**
 * @param leadMs how much sound the player may have in hand: what hides a late packet, and what the
 *   caller still hears after an interruption
 */
export function createPacer(parts: {
  readonly clock: Clock;
  readonly format: AudioFormat;
  readonly leadMs: number;
  readonly send: (audio: Uint8Array) => void;
  readonly onMark: (name: string) => void;
  /** The sound breaks off here; `next` is the beginning of what would have followed, for a soft end. */
  readonly onCut: (next: Uint8Array) => void;
}): Pacer {
  const { clock, format, leadMs, send, onMark, onCut } = parts;
  const chunkBytes = bytesOf(CHUNK_MS, format);
  let queue: Uint8Array[] = [];
  let marks: Mark[] = [];
  /** Counted from the first byte ever pushed. */
  let pushedBytes = 0;
  let sentBytes = 0;
  /** When the player will have played all it was sent, as far as we can know. */
  let playsUntilMs = clock.now();
  let cancelPump: Cancel | undefined;
  const returning = new Set<Cancel>();
  let isClosed = false;

  const returnAt = (name: string, atMs: number): void => {
    const cancel = clock.after(atMs - clock.now(), () => {
      returning.delete(cancel);
      onMark(name);
    });
    returning.add(cancel);
  };

  /** Marks up to here have all their sound sent: when it will have been played is known. */
  const returnMarks = (untilBytes: number): void => {
    while (marks[0] && marks[0].atBytes <= untilBytes) {
      const { name, atBytes } = marks[0];
      marks.shift();
      const leftMs = msOf(untilBytes - atBytes, format);
      returnAt(name, Math.max(clock.now(), playsUntilMs - leftMs));
    }
  };

  const nextChunk = (): Uint8Array => {
    const [first] = queue;
    if (!first) return new Uint8Array(0);
    const chunk = first.subarray(0, chunkBytes);
    if (chunk.length === first.length) queue.shift();
    else queue[0] = first.subarray(chunkBytes);
    return chunk;
  };

  const pump = (): void => {
    cancelPump = undefined;
    if (isClosed) return;
    const nowMs = clock.now();
    // The player has run dry, at the start of a speech or because this process stood still.
    if (playsUntilMs < nowMs) playsUntilMs = nowMs;
    const roomMs = leadMs - CHUNK_MS;
    while (queue.length > 0 && playsUntilMs - nowMs <= roomMs) {
      const chunk = nextChunk();
      sentBytes += chunk.length;
      playsUntilMs += msOf(chunk.length, format);
      send(chunk);
      returnMarks(sentBytes);
    }
    if (queue.length > 0) cancelPump = clock.after(playsUntilMs - roomMs - nowMs, pump);
  };

  return {
    push(audio) {
      if (isClosed || audio.length === 0) return;
      queue.push(Uint8Array.from(audio));
      pushedBytes += audio.length;
      if (queue.length > 1) return;
      cancelPump?.();
      pump();
    },
    mark(name) {
      if (isClosed) return;
      marks.push({ name, atBytes: pushedBytes });
      if (queue.length === 0) returnMarks(sentBytes);
    },
    clear() {
      cancelPump?.();
      cancelPump = undefined;
      const [next] = queue;
      queue = [];
      const thrownAway = marks;
      marks = [];
      sentBytes = pushedBytes;
      const afterMs = Math.max(clock.now(), playsUntilMs) + CLEARED_AFTER_MS;
      for (const { name } of thrownAway) returnAt(name, afterMs);
      if (next && playsUntilMs > clock.now()) onCut(next.subarray(0, bytesOf(CUT_MS, format)));
    },
    close() {
      isClosed = true;
      cancelPump?.();
      for (const cancel of returning) cancel();
      returning.clear();
      queue = [];
      marks = [];
    },
  };
}
