import { phoneBytes } from '#audio/g711.ts';

/** Grows as it is needed, and never beyond its limit: a call that is heard as it goes keeps little. */
const FIRST_BYTES = phoneBytes(2_000);

/** The last of a call's audio (G.711 mu-law, 8 kHz). Positions count bytes from the start of the call. */
export type AudioRing = {
  readonly startBytes: number;
  readonly endBytes: number;
  /** What is beyond the limit falls off at the start. */
  append(mulaw: Uint8Array): void;
  /** Nobody needs what is before this. */
  dropUntil(bytes: number): void;
  /** A copy. */
  slice(fromBytes: number, untilBytes: number): Uint8Array;
};

export function createAudioRing(maxMs: number): AudioRing {
  const maxBytes = phoneBytes(maxMs);
  let buffer = new Uint8Array(Math.min(FIRST_BYTES, maxBytes));
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
  const write = (mulaw: Uint8Array, atBytes: number): void => {
    for (let done = 0; done < mulaw.length;) {
      const index = (atBytes + done) % buffer.length;
      const length = Math.min(mulaw.length - done, buffer.length - index);
      buffer.set(mulaw.subarray(done, done + length), index);
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
    append(mulaw) {
      const kept = mulaw.subarray(Math.max(0, mulaw.length - maxBytes));
      const neededBytes = endBytes - startBytes + mulaw.length;
      if (neededBytes > buffer.length && buffer.length < maxBytes) grow(neededBytes);
      write(kept, endBytes + mulaw.length - kept.length);
      endBytes += mulaw.length;
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
