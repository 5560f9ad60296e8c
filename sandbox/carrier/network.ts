import { request as httpRequest } from 'node:http';
import { WebSocket } from 'ws';
import type { RawData } from 'ws';

export type WebRequest = {
  readonly method: 'GET' | 'POST';
  /** The public URL, `https:` (or `http:` where a route says so). */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export type WebResponse = {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
};

/** Why there was no answer: no such host, no connection, or a connection that broke. */
export class NetworkFault extends Error {
  override readonly name = 'NetworkFault';
  readonly kind: 'bad-host' | 'no-connection' | 'broken';

  constructor(kind: 'bad-host' | 'no-connection' | 'broken', message: string) {
    super(message);
    this.kind = kind;
  }
}

export type SocketListener = {
  open(): void;
  /** `binary`: the frame was no text. */
  message(data: Buffer, binary: boolean): void;
  /** The server answered the upgrade with another status than 101. Nothing follows. */
  refused(status: number): void;
  /** Nothing follows. `code` is the close frame's, 1005 for a frame without one, 1006 for none. */
  closed(code: number): void;
  /** No connection came about. Nothing follows. */
  failed(fault: NetworkFault): void;
};

export type Socket = {
  send(text: string): void;
  /** A close with a frame; code 1000, a polite one, where none is given. */
  close(code?: number): void;
  /** Cuts the connection without a word, as a network failure does. */
  kill(): void;
};

/** How the carrier reaches its customers' servers. */
export type Network = {
  /** Rejects with a `NetworkFault`, or with the signal's reason. Redirects are not followed. */
  fetch(request: WebRequest, signal: AbortSignal): Promise<WebResponse>;
  connect(url: URL, headers: Readonly<Record<string, string>>, listener: SocketListener): Socket;
};

/** Public origin, such as `https://voice.example.test`, to a local one, such as `http://127.0.0.1:8080`. */
export type Routes = Readonly<Record<string, string>>;

/**
 * The sandbox's name service and TLS termination: a public origin leads to the local server behind
 * it, with `Host` still the public one, as behind a proxy that ends TLS. What has no route does not
 * exist. `routes` is read at every request, so that it may grow.
 */
export function loopbackNetwork(routes: Routes): Network {
  const localOf = (url: URL): URL | undefined => {
    const scheme = url.protocol.replace('ws', 'http');
    const local = routes[`${scheme}//${url.host}`];
    return local === undefined ? undefined : new URL(local);
  };
  const noHost = (url: URL): NetworkFault => new NetworkFault('bad-host', `no host ${url.host}`);
  const proxied = (url: URL): Record<string, string> => ({
    host: url.host,
    'x-forwarded-host': url.host,
    'x-forwarded-proto': url.protocol === 'https:' || url.protocol === 'wss:' ? 'https' : 'http',
  });

  return {
    async fetch(request, signal) {
      const local = localOf(request.url);
      if (!local) throw noHost(request.url);
      return post(local, proxied(request.url), request, signal);
    },
    connect(url, headers, listener) {
      const local = localOf(url);
      if (!local) {
        queueMicrotask(() => listener.failed(noHost(url)));
        return { send: () => undefined, close: () => undefined, kill: () => undefined };
      }
      const target = `ws://${local.host}${url.pathname}${url.search}`;
      const socket = new WebSocket(target, {
        headers: { ...proxied(url), ...headers },
        perMessageDeflate: false,
      });
      return socketOf(socket, listener);
    },
  };
}

function post(
  local: URL,
  headers: Readonly<Record<string, string>>,
  { method, url, body, headers: own }: WebRequest,
  signal: AbortSignal,
): Promise<WebResponse> {
  return new Promise((resolve, reject) => {
    let connected = false;
    const fail = (error: Error): void => {
      if (signal.aborted) reject(abortReason(signal));
      else reject(new NetworkFault(connected ? 'broken' : 'no-connection', error.message));
    };
    const request = httpRequest(
      {
        host: local.hostname,
        port: local.port,
        method,
        path: url.pathname + url.search,
        headers: { ...headers, ...own, 'content-length': String(Buffer.byteLength(body)) },
        agent: false,
        signal,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', fail);
        response.on('end', () => {
          const answered = Object.entries(response.headers);
          resolve({
            status: response.statusCode ?? 0,
            headers: Object.fromEntries(answered.map(([name, value]) => [name, String(value)])),
            body: Buffer.concat(chunks).toString('utf8'),
          });
        });
      },
    );
    request.on('socket', (socket) => socket.once('connect', () => (connected = true)));
    request.on('error', fail);
    request.end(body);
  });
}

/**
 * A WebSocket that is being opened, as the carrier sees it: its listener is told once how it ended,
 * and nothing after that.
 *
 * @param settled told once it is open, or will never be
 */
export function socketOf(
  socket: WebSocket,
  listener: SocketListener,
  settled: () => void = () => undefined,
): Socket {
  let state: 'connecting' | 'open' | 'over' = 'connecting';
  const over = (tell: () => void): void => {
    settled();
    if (state === 'over') return;
    state = 'over';
    tell();
  };
  socket.on('open', () => {
    state = 'open';
    settled();
    listener.open();
  });
  socket.on('message', (data, binary) => {
    if (state === 'open') listener.message(bufferOf(data), binary);
  });
  socket.on('unexpected-response', (request, response) => {
    over(() => listener.refused(response.statusCode ?? 0));
    response.resume();
    request.destroy();
  });
  socket.on('error', (error) => {
    if (state === 'connecting')
      over(() => listener.failed(new NetworkFault('no-connection', error.message)));
  });
  socket.on('close', (code) => over(() => listener.closed(code)));
  return {
    send(text) {
      if (state === 'open' && socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: (code = 1000) => socket.close(code),
    kill: () => socket.terminate(),
  };
}

const bufferOf = (data: RawData): Buffer =>
  Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data);

const abortReason = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
