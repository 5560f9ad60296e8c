import { bytesOf } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';

/** Grows as it is needed, and never beyond its limit: a call that is heard as it goes keeps little. */
const FIRST_MS = 2_000;

/** The last of a call's audio. Positions count bytes from the start of the call. */
export type AudioRing = {
  readonly startBytes: number;
  readonly endBytes: number;
  /** What is beyond the limit falls off at the start. */
  append(audio: Uint8Array): void;
  /** Nobody needs what is before this. */
  dropUntil(bytes: number): void;
  /** A copy. */
  slice(fromBytes: number, untilBytes: number): Uint8Array;
};

export function createAudioRing(maxMs: number, format: AudioFormat): AudioRing {
  const maxBytes = bytesOf(maxMs, format);
  let buffer = new Uint8Array(bytesOf(Math.min(FIRST_MS, maxMs), format));
  let startBytes = 0;
  let endBytes = 0;

  const copyTo = (to: Uint8Array, fromBytes: number, untilBytes: number): void => {
    for (let at = fromBytes; at < untilBytes;) {
      const index = at % buffer.length;
      const length = Math.min(untilBytes - at, buffer.length - index);
      to.set(buffer.subarray(index, index + length), at - fromBytes);
      at += length;
    }
  };
  const grow = (neededBytes: number): void => {
    const length = Math.min(maxBytes, Math.max(neededBytes, buffer.length * 2));
    const kept = new Uint8Array(endBytes - startBytes);
    copyTo(kept, startBytes, endBytes);
    buffer = new Uint8Array(length);
    write(kept, startBytes);
  };
  const write = (audio: Uint8Array, atBytes: number): void => {
    for (let done = 0; done < audio.length;) {
      const index = (atBytes + done) % buffer.length;
      const length = Math.min(audio.length - done, buffer.length - index);
      buffer.set(audio.subarray(done, done + length), index);
      done += length;
    }
  };

  return {
    get startBytes() {
      return startBytes;
    },
    get endBytes() {
      return endBytes;
    },
    append(audio) {
      const kept = audio.subarray(Math.max(0, audio.length - maxBytes));
      const neededBytes = endBytes - startBytes + audio.length;
      if (neededBytes > buffer.length && buffer.length < maxBytes) grow(neededBytes);
      write(kept, endBytes + audio.length - kept.length);
      endBytes += audio.length;
      startBytes = Math.max(startBytes, endBytes - buffer.length);
    },
    dropUntil(bytes) {
      startBytes = Math.max(startBytes, Math.min(bytes, endBytes));
    },
    slice(fromBytes, untilBytes) {
      const from = Math.max(fromBytes, startBytes);
      const until = Math.min(untilBytes, endBytes);
      const audio = new Uint8Array(Math.max(0, until - from));
      copyTo(audio, from, until);
      return audio;
    },
  };
}
