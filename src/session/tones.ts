import { bytesOf, PHONE_LINE } from '#audio/format.ts';
import type { Transport } from '#contracts/transport.ts';

/** Sound for the line that is nobody's words. */
export type Tones = {
  /** Plays sound in the line's format after all that is on the line. Resolves once it was played, rejects with the signal's reason. */
  play(sound: Uint8Array, signal: AbortSignal): Promise<void>;
  /** A mark came back; whether it was one of these. */
  mark(name: string): boolean;
};

/** Two pieces are on the line at a time: one that is played, and the next. */
const PIECE_MS = 500;
const PREFIX = 'tones.';

export function createTones(
  transport: Pick<Transport, 'leadMs' | 'audio' | 'sendAudio' | 'sendMark' | 'clear'>,
): Tones {
  const pieceBytes = bytesOf(
    Math.max(20, Math.min(PIECE_MS, transport.leadMs / 2)),
    (transport.audio ?? PHONE_LINE).spoken,
  );
  const waiting = new Map<string, () => void>();
  let count = 0;

  const send = async (piece: Uint8Array, signal: AbortSignal): Promise<void> => {
    const name = `${PREFIX}${++count}`;
    const played = Promise.withResolvers<void>();
    const onAbort = (): void => played.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    waiting.set(name, played.resolve);
    transport.sendAudio(piece);
    transport.sendMark(name);
    try {
      await played.promise;
    } finally {
      waiting.delete(name);
      signal.removeEventListener('abort', onAbort);
    }
  };

  return {
    async play(sound, signal) {
      signal.throwIfAborted();
      let before = Promise.resolve();
      try {
        for (let at = 0; at < sound.length; at += pieceBytes) {
          const sent = send(sound.subarray(at, at + pieceBytes), signal);
          sent.catch(() => undefined);
          await before;
          before = sent;
        }
        await before;
      } catch (error) {
        transport.clear();
        throw error;
      }
    },
    mark(name) {
      waiting.get(name)?.();
      return name.startsWith(PREFIX);
    },
  };
}
