import type { RawData, WebSocket } from 'ws';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { readTwilioMessage } from './media-streams.ts';
import type { TwilioStart } from './media-streams.ts';
import { createTwilioTransport } from './transport.ts';
import type { TwilioTransport } from './transport.ts';

export type AcceptedStream =
  | { readonly kind: 'started'; readonly start: TwilioStart; readonly transport: TwilioTransport }
  /** The socket has been closed. */
  | { readonly kind: 'refused'; readonly why: string };

export type AcceptOptions = {
  readonly clock: Clock;
  readonly log: Log;
  /** How long Twilio may take from the socket's opening to `start`; it normally sends it at once. */
  readonly deadlineMs?: number;
};

/**
 * Waits for `connected` and `start` on a fresh media socket. Whoever calls it checks the start's
 * parameters before anybody listens to the transport, and closes the socket with 1008 if they are wrong.
 * Never rejects.
 */
export function acceptTwilioStream(
  socket: WebSocket,
  options: AcceptOptions,
): Promise<AcceptedStream> {
  const { clock, log, deadlineMs = 5_000 } = options;
  return new Promise((resolve) => {
    let isConnected = false;

    const release = (): void => {
      cancelDeadline();
      socket.off('message', onMessage);
      socket.off('close', onClose);
    };
    const refuse = (why: string, code = 1008): void => {
      release();
      socket.close(code, why);
      resolve({ kind: 'refused', why });
    };
    const onClose = (): void => {
      release();
      resolve({ kind: 'refused', why: 'closed before its start' });
    };
    const onMessage = (data: RawData, isBinary: boolean): void => {
      if (isBinary || !Buffer.isBuffer(data)) return refuse('binary frame', 1003);
      const message = readTwilioMessage(data.toString('utf8'));
      if (message?.event === 'connected') {
        isConnected = true;
        return;
      }
      if (message?.event !== 'start' || !isConnected)
        return refuse('expected connected, then start');
      if (!message.start.isPhoneAudio) return refuse('expected mono mu-law at 8 kHz');
      release();
      // Made here and not after an await: messages of the same packet follow synchronously.
      const transport = createTwilioTransport(socket, {
        streamSid: message.start.streamSid,
        clock,
        log,
      });
      resolve({ kind: 'started', start: message.start, transport });
    };

    const cancelDeadline = clock.after(deadlineMs, () => refuse('no start in time'));
    socket.on('message', onMessage);
    socket.on('close', onClose);
    socket.on('error', ignoreError);
    if (socket.readyState === socket.CLOSED) onClose();
  });
}

/** `close` follows every error; without a listener an error would end the process. */
const ignoreError = (): void => undefined;
