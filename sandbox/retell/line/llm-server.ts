import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { parseRecord } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';

/** One connection of Retell's to the server. */
export type LlmConnection = {
  readonly path: string;
  /** Every frame of Retell's, parsed. */
  readonly received: readonly JsonRecord[];
  /** Of one `interaction_type`. */
  of(type: string): readonly JsonRecord[];
  /** Objects as JSON, texts as they are, buffers as binary frames. */
  send(frame: object | string | Buffer): void;
  respond(responseId: number, content: string, more?: object): void;
  close(code?: number): void;
  /** Cuts the connection without a word. */
  kill(): void;
  /** As Retell closed it; undefined while open. */
  readonly closeCode: number | undefined;
};

export type LlmServer = {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  readonly connections: readonly LlmConnection[];
  /** Upgrades are answered so from now on: with a WebSocket, a status, or never. */
  upgrades: 'accept' | 'hang' | number;
  /** Does with each frame what a server of a customer's would; called after it was noted. */
  onFrame: (frame: JsonRecord, connection: LlmConnection) => void;
  onOpen: (connection: LlmConnection) => void;
  close(): Promise<void>;
};

/**
 * A customer's server for the custom LLM socket, as plain as can be: what Retell's documentation asks
 * of one, written with `ws` alone. It judges the sandbox's end of that socket in tests.
 */
export async function startLlmServer(): Promise<LlmServer> {
  const connections: LlmConnection[] = [];
  const sockets = new WebSocketServer({ noServer: true });
  const hanging = new Set<Duplex>();
  const http = createServer();
  const server: LlmServer = {
    origin: '',
    connections,
    upgrades: 'accept',
    onFrame: () => undefined,
    onOpen: () => undefined,
    close: async () => {
      for (const socket of sockets.clients) socket.terminate();
      for (const socket of hanging) socket.destroy();
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
  // For webhooks that lead here: taken, and nothing done.
  http.on('request', (request, response) => {
    request.resume();
    response.writeHead(204).end();
  });
  http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => undefined);
    if (server.upgrades === 'hang') return void hanging.add(socket);
    if (server.upgrades !== 'accept')
      return void socket.end(`HTTP/1.1 ${server.upgrades} Refused\r\ncontent-length: 0\r\n\r\n`);
    sockets.handleUpgrade(request, socket, head, (opened) => {
      const connection = connectionOf(request.url ?? '', opened, server);
      connections.push(connection);
      server.onOpen(connection);
    });
    return undefined;
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const address = http.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return Object.assign(server, { origin: `http://127.0.0.1:${port}` });
}

function connectionOf(path: string, socket: WebSocket, server: LlmServer): LlmConnection {
  const received: JsonRecord[] = [];
  let closeCode: number | undefined;
  const send: LlmConnection['send'] = (frame) =>
    socket.send(
      Buffer.isBuffer(frame) || typeof frame === 'string' ? frame : JSON.stringify(frame),
    );
  const connection: LlmConnection = {
    path,
    received,
    of: (type) => received.filter(({ interaction_type }) => interaction_type === type),
    send,
    respond: (responseId, content, more = {}) =>
      send({
        response_type: 'response',
        response_id: responseId,
        content,
        content_complete: true,
        ...more,
      }),
    close: (code) => socket.close(code),
    kill: () => socket.terminate(),
    get closeCode() {
      return closeCode;
    },
  };
  socket.on('close', (code) => void (closeCode = code));
  socket.on('message', (data: Buffer) => {
    const frame = parseRecord(data.toString('utf8'));
    if (!frame) throw new Error('Retell sent what is no JSON object');
    received.push(frame);
    server.onFrame(frame, connection);
  });
  return connection;
}
