import { WebSocket } from 'ws';
import type { Clock } from './clock.ts';

/** What happens to a client's socket, in order. `refused`, `failed` and `closed` are the last of it. */
export type SocketEvent =
  | { readonly type: 'open' }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'binary'; readonly bytes: Uint8Array }
  | { readonly type: 'pong' }
  /** The server answered the handshake with HTTP. `body` is cut at 4,096 bytes. */
  | {
      readonly type: 'refused';
      readonly status: number;
      readonly headers: Readonly<Record<string, string | string[] | undefined>>;
      readonly body: string;
    }
  /** No connection came about, in words for people. */
  | { readonly type: 'failed'; readonly reason: 'unreachable' | 'timeout'; readonly detail: string }
  /** It was open and has ended. 1005: without a code; 1006: broken off. */
  | { readonly type: 'closed'; readonly code: number; readonly reason: string };

/** A client's WebSocket that never throws and says nothing more once it was told to close. */
export type ClientSocket = {
  /** Does nothing unless open. */
  send(data: string | Uint8Array): void;
  ping(): void;
  /** Ends it politely; broken off if the other side has not answered within a second. */
  close(): void;
  /** Breaks it off at once. */
  terminate(): void;
  readonly isOpen: boolean;
  /** Bytes accepted by `send` that have not left this machine. */
  readonly unsentBytes: number;
};

export type SocketOptions = {
  /** http, https, ws or wss. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** Limit for connection, TLS and handshake together. */
  readonly openWithinMs: number;
  /** A longer message ends the connection. */
  readonly maxMessageBytes: number;
};

const CLOSE_WITHIN_MS = 1_000;
const MAX_BODY_BYTES = 4_096;

/**
 * Opens a WebSocket by plain `ws`, without compression: audio does not shrink, and every
 * connection's deflate state would cost memory. It never reconnects by itself.
 */
export function openSocket(options: SocketOptions, on: (event: SocketEvent) => void): ClientSocket {
  let saying = true;
  let opened = false;
  const cancels = new Set<() => void>();
  const url = options.url.replace(/^http/, 'ws');
  const socket = new WebSocket(url, {
    headers: options.headers,
    perMessageDeflate: false,
    maxPayload: options.maxMessageBytes,
    followRedirects: false,
  });

  const stopTimers = (): void => {
    for (const cancel of cancels) cancel();
    cancels.clear();
  };
  const last = (event: SocketEvent): void => {
    stopTimers();
    if (!saying) return;
    saying = false;
    on(event);
  };
  const terminate = (): void => {
    saying = false;
    stopTimers();
    socket.terminate();
  };

  cancels.add(
    options.clock.after(options.openWithinMs, () => {
      last({
        type: 'failed',
        reason: 'timeout',
        detail: `no connection within ${options.openWithinMs} ms`,
      });
      socket.terminate();
    }),
  );

  socket.on('open', () => {
    opened = true;
    stopTimers();
    if (saying) on({ type: 'open' });
  });
  socket.on('message', (data, isBinary) => {
    if (!saying) return;
    // A message is one Buffer, as long as the socket's `binaryType` is left alone.
    if (!Buffer.isBuffer(data)) return;
    on(isBinary ? { type: 'binary', bytes: data } : { type: 'text', text: data.toString('utf8') });
  });
  socket.on('pong', () => {
    if (saying) on({ type: 'pong' });
  });
  socket.on('unexpected-response', (request, response) => {
    const chunks: Buffer[] = [];
    let byteCount = 0;
    const answer = (): void => {
      last({
        type: 'refused',
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES).toString('utf8'),
      });
      request.destroy();
    };
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      byteCount += chunk.length;
      if (byteCount >= MAX_BODY_BYTES) answer();
    });
    response.once('end', answer);
    response.once('error', answer);
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    // Once open, an error is always followed by `close`, which says it.
    if (!opened) last({ type: 'failed', reason: 'unreachable', detail: describe(error) });
  });
  socket.on('close', (code, reason) => {
    last(
      opened
        ? { type: 'closed', code, reason: reason.toString('utf8') }
        : { type: 'failed', reason: 'unreachable', detail: 'the connection was broken off' },
    );
  });

  return {
    send(data) {
      if (socket.readyState === WebSocket.OPEN) socket.send(data, ignore);
    },
    ping() {
      if (socket.readyState === WebSocket.OPEN) socket.ping(undefined, undefined, ignore);
    },
    close() {
      if (socket.readyState === WebSocket.CONNECTING) return terminate();
      saying = false;
      stopTimers();
      if (socket.readyState === WebSocket.CLOSED) return;
      socket.close(1000);
      cancels.add(options.clock.after(CLOSE_WITHIN_MS, () => socket.terminate()));
    },
    terminate,
    get isOpen() {
      return socket.readyState === WebSocket.OPEN;
    },
    get unsentBytes() {
      return socket.bufferedAmount;
    },
  };
}

/** A send that fails is followed by `close`, which says why. */
const ignore = (): void => undefined;

/** `connect ECONNREFUSED …`; for several addresses at once the message is empty, only the code speaks. */
const describe = (error: NodeJS.ErrnoException): string =>
  error.message === '' ? (error.code ?? 'unknown error') : error.message;
