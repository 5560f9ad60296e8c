import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Clock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import type { Faults } from '../faults.ts';
import { createExchange } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { frontDoor } from './front-door.ts';
import { createPeer } from './peer.ts';
import type { Peer } from './peer.ts';
import type { ConnectionRecord, Mutable, RequestRecord } from './records.ts';

export type Upgrade = {
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  refuse(status: number, headers: Readonly<Record<string, string>>, body: object): void;
  accept(headers?: Readonly<Record<string, string>>): Peer;
  /** Accepts the TCP connection and resets it. */
  reset(): void;
};

export type VendorServer = {
  readonly port: number;
  /** Such as `127.0.0.1:40123`. */
  readonly host: string;
  connections(): readonly ConnectionRecord[];
  requests(): readonly RequestRecord[];
  close(): Promise<void>;
};

export type VendorServerOptions = {
  readonly clock: Clock;
  readonly faults: Faults;
  /** Undefined: any free one. */
  readonly port?: number | undefined;
  http(exchange: Exchange): void | Promise<void>;
  upgrade?(upgrade: Upgrade): void | Promise<void>;
  /** Takes a connection that speaks HTTP/2; absent: only HTTP/1.1 is spoken. */
  http2?(socket: Socket): { silence(): void };
  /** The vendor's answer to a fault of the sandbox's own code, so that no request is left hanging. */
  crashed(message: string): { readonly status: number; readonly body: object };
};

/** Serves one vendor's API, HTTP and WebSocket, on a port of this machine. */
export async function serveVendor(options: VendorServerOptions): Promise<VendorServer> {
  const { clock, faults } = options;
  const requests: Mutable<RequestRecord>[] = [];
  const connections: Mutable<ConnectionRecord>[] = [];
  const sockets = new Set<Socket>();
  /** What is under way and can be made to fall silent. */
  const live = new Set<{ silence(): void }>();

  const record = (request: IncomingMessage, url: URL): Mutable<RequestRecord> => {
    const entry: Mutable<RequestRecord> = {
      method: request.method ?? 'GET',
      path: url.pathname,
      atMs: clock.now(),
      status: undefined,
      aborted: false,
    };
    requests.push(entry);
    return entry;
  };
  const urlOf = (request: IncomingMessage): URL => new URL(request.url ?? '/', 'http://vendor');

  const server = createServer((request, response) => {
    const url = urlOf(request);
    const exchange = createExchange(request, response, url, record(request, url));
    live.add(exchange);
    response.on('close', () => live.delete(exchange));
    // An async function turns what `http` throws at once into a rejection, too.
    void (async () => options.http(exchange))().catch((error: unknown) => {
      const { status, body } = options.crashed(messageOf(error));
      exchange.reply(status, {}, body);
    });
  });
  // The public services keep an idle connection for a minute or more; Node's default is 5 s.
  server.keepAliveTimeout = 65_000;
  const { http2 } = options;
  const door = !http2
    ? server
    : frontDoor(server, (socket) => {
        const peer = http2(socket);
        live.add(peer);
        socket.on('close', () => live.delete(peer));
      });
  door.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });

  const webSockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: 1024 * 1024,
  });
  const answerHeaders = new WeakMap<IncomingMessage, Readonly<Record<string, string>>>();
  webSockets.on('headers', (lines, request) => {
    for (const [name, value] of Object.entries(answerHeaders.get(request) ?? {}))
      lines.push(`${name}: ${value}`);
  });

  const accept = (request: IncomingMessage, socket: Duplex, head: Buffer, path: string): Peer => {
    const connection: Mutable<ConnectionRecord> = {
      id: connections.length + 1,
      path,
      openedAtMs: clock.now(),
      closedAtMs: undefined,
      closeCode: undefined,
    };
    connections.push(connection);
    let peer: Peer | undefined;
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      peer = createPeer(connection.id, webSocket);
      live.add(peer);
      webSocket.on('close', (code) => {
        connection.closedAtMs = clock.now();
        connection.closeCode = code;
        if (peer) live.delete(peer);
      });
    });
    if (!peer) throw new Error('the WebSocket handshake was refused');
    return peer;
  };

  server.on('upgrade', (request, socket, head) => {
    const url = urlOf(request);
    const entry = record(request, url);
    const refuse: Upgrade['refuse'] = (status, headers, body) => {
      entry.status = status;
      socket.end(rawAnswer(status, headers, JSON.stringify(body)));
    };
    const upgrade: Upgrade = {
      url,
      headers: request.headers,
      refuse,
      accept(headers = {}) {
        answerHeaders.set(request, headers);
        entry.status = 101;
        return accept(request, socket, head, url.pathname);
      },
      reset() {
        if (socket instanceof Socket) socket.resetAndDestroy();
      },
    };
    void (async () => {
      if (options.upgrade) return options.upgrade(upgrade);
      refuse(404, {}, options.crashed('no WebSocket here').body);
    })().catch((error: unknown) => {
      const { status, body } = options.crashed(messageOf(error));
      if (!socket.destroyed) refuse(status, {}, body);
    });
  });

  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      door.once('error', reject);
      door.listen(port, '127.0.0.1', () => {
        door.off('error', reject);
        resolve();
      });
    });
  const cutAll = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const stopListening = (): Promise<void> =>
    new Promise((resolve) => {
      if (!door.listening) return resolve();
      door.close(() => resolve());
      cutAll();
    });

  await listen(options.port ?? 0);
  const address = door.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  const { port } = address;

  const unsubscribe = faults.subscribe(async (fault) => {
    if (fault?.kind === 'down') return stopListening();
    if (!door.listening) await listen(port);
    if (fault?.kind === 'reset') cutAll();
    if (fault?.kind === 'half-open') for (const one of live) one.silence();
  });
  if (faults.standing?.kind === 'down') await stopListening();

  return {
    port,
    host: `127.0.0.1:${port}`,
    connections: () => connections.map((one) => ({ ...one })),
    requests: () => requests.map((one) => ({ ...one })),
    async close() {
      unsubscribe();
      await stopListening();
      // The WebSockets' own 'close' may come after that of their TCP connections.
      await new Promise<void>((resolve) => webSockets.close(() => resolve()));
    },
  };
}

/** A whole HTTP answer, for a socket that is not to become a WebSocket. */
function rawAnswer(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): string {
  const all = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `HTTP/1.1 ${status} ${REASONS[status] ?? 'Error'}\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  404: 'Not Found',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};
