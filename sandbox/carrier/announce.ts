import { MULAW_SILENCE, PHONE_FRAME_BYTES, phoneBytes } from '#audio/g711.ts';
import type { Line } from './line.ts';

/** Plays mu-law audio to a caller. Resolves when its last frame has been played, or when `signal` aborts. */
export function announce(line: Line, mulaw: Uint8Array, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    let at = 0;
    const finish = (): void => {
      signal.removeEventListener('abort', finish);
      line.connect(undefined);
      resolve();
    };
    signal.addEventListener('abort', finish);
    line.connect({
      play() {
        if (at >= mulaw.length) {
          finish();
          return undefined;
        }
        const frame = new Uint8Array(PHONE_FRAME_BYTES).fill(MULAW_SILENCE);
        frame.set(mulaw.subarray(at, at + PHONE_FRAME_BYTES));
        at += PHONE_FRAME_BYTES;
        return frame;
      },
    });
  });
}

export const silenceOf = (ms: number): Uint8Array =>
  new Uint8Array(phoneBytes(ms)).fill(MULAW_SILENCE);
