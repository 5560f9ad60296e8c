import type { Clock } from '#lib/clock.ts';
import { slowPipe } from './faults.ts';
import type { CallFaults } from './faults.ts';
import type { Line } from './line.ts';
import { mediaStream } from './media-stream.ts';
import type { MediaStream, StreamIdentity } from './media-stream.ts';
import type { Network } from './network.ts';
import { twilioSignature } from './signature.ts';

export type StreamEvent = 'stream-started' | 'stream-stopped' | 'stream-error';

export type StreamLegOptions = {
  readonly clock: Clock;
  readonly network: Network;
  readonly line: Line;
  readonly identity: StreamIdentity;
  /** As the TwiML named it, resolved against the document's own URL. */
  readonly url: URL;
  readonly track: string;
  readonly authToken: string;
  readonly faults: CallFaults;
  readonly random: () => number;
  readonly warn: (code: number, message: string) => void;
  readonly onEvent: (event: StreamEvent, error?: string) => void;
  /** The stream has started; keys the caller presses go to it from now on. */
  readonly onStart: (stream: MediaStream) => void;
};

/** How long the server may take to answer the upgrade. */
const HANDSHAKE_MS = 15_000;

/**
 * Runs `<Connect><Stream>`: resolves when the server has closed its socket, when no stream came about,
 * or, after a `stop` message and a polite close, when `signal` aborts. Never rejects.
 */
export function runStream(options: StreamLegOptions, signal: AbortSignal): Promise<void> {
  const { clock, faults, warn, onEvent } = options;
  const fail = (code: number, message: string): Promise<void> => {
    warn(code, message);
    onEvent('stream-error', `${code} ${message}`);
    return Promise.resolve();
  };
  if (options.url.protocol !== 'wss:')
    return fail(31_922, `Stream - WebSocket - URL Schema Not Supported: ${options.url.protocol}`);
  if (options.track !== 'inbound_track')
    return fail(31_941, `Stream - Invalid Track configuration: ${options.track}`);
  if (signal.aborted) return Promise.resolve();

  const url = new URL(options.url);
  // The real service drops a query string without a word.
  url.search = '';
  url.hash = '';

  return new Promise((resolve) => {
    let state: 'connecting' | 'open' | 'stopping' | 'over' = 'connecting';
    let frozen = false;
    const cancels: (() => void)[] = [];
    const toServer = slowPipe(clock, faults, options.random);
    const fromServer = slowPipe(clock, faults, options.random);
    const over = (): void => {
      if (state === 'over') return;
      state = 'over';
      options.line.connect(undefined);
      signal.removeEventListener('abort', onAbort);
      for (const cancel of cancels) cancel();
      resolve();
    };
    const failed = (code: number, message: string): void => {
      if (state === 'over') return;
      if (state !== 'stopping') void fail(code, message);
      over();
    };
    const stream = mediaStream(
      options.identity,
      (text) => {
        if (!frozen) toServer(() => socket.send(text));
      },
      warn,
    );
    const onAbort = (): void => {
      if (state === 'open') {
        stream.stop();
        onEvent('stream-stopped');
        toServer(() => socket.close());
      } else socket.kill();
      state = 'stopping';
      over();
    };

    const socket = options.network.connect(
      url,
      {
        'x-twilio-signature': twilioSignature(options.authToken, url.href, {}),
        'user-agent': 'Twilio.TmeWs/1.0',
      },
      {
        open() {
          if (state !== 'connecting') return;
          state = 'open';
          stream.start();
          options.line.connect(stream);
          options.onStart(stream);
          onEvent('stream-started');
          if (faults.socketDiesAtMs !== undefined)
            cancels.push(clock.after(faults.socketDiesAtMs, () => socket.kill()));
          if (faults.socketFreezesAtMs !== undefined)
            cancels.push(clock.after(faults.socketFreezesAtMs, () => void (frozen = true)));
        },
        message(data, binary) {
          fromServer(() => {
            if (state === 'open' && !frozen) stream.receive(data, binary);
          });
        },
        refused: (status) =>
          failed(31_920, `Stream - WebSocket - Handshake Error: HTTP ${status} instead of 101`),
        failed: (fault) =>
          failed(31_902, `Stream - WebSocket - Connection Refused: ${fault.message}`),
        closed(code) {
          fromServer(() => {
            if (code === 1_006)
              return failed(31_903, 'Stream - WebSocket - Connection Broken Pipe');
            if (code !== 1_000 && code !== 1_005)
              return failed(31_921, `Stream - WebSocket - Close Error: code ${code}`);
            if (state === 'open') onEvent('stream-stopped');
            over();
          });
        },
      },
    );
    signal.addEventListener('abort', onAbort, { once: true });
    cancels.push(
      clock.after(HANDSHAKE_MS, () => {
        if (state !== 'connecting') return;
        socket.kill();
        failed(31_901, 'Stream - WebSocket - Connection Timeout');
      }),
    );
  });
}
