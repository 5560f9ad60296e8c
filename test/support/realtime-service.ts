import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { parseRecord } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { portOf } from './port.ts';
import { recorder } from './recorder.ts';
import type { Recorder } from './recorder.ts';

/** One client of the service. */
export type RealtimePeer = {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** What the client has sent, in order. */
  readonly events: Recorder<JsonRecord>;
  readonly socket: WebSocket;
  say(event: object): void;
};

/** A service that speaks events over WebSockets and does nothing by itself, for answers no simulator would give. */
export async function startRealtimeService() {
  const http = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  const peers = recorder<RealtimePeer>();
  let accepting = Promise.resolve();
  http.on('upgrade', (request, socket, head) => {
    void accepting.then(() =>
      sockets.handleUpgrade(request, socket, head, (open) => {
        const events = recorder<JsonRecord>();
        open.on('message', (data: Buffer) => events.on(parseRecord(data.toString()) ?? {}));
        peers.on({
          url: new URL(request.url ?? '', 'http://service'),
          headers: request.headers,
          events,
          socket: open,
          say: (event) => open.send(JSON.stringify(event)),
        });
      }),
    );
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${portOf(http)}/v1`,
    peers,
    /** The n-th client, from 1, once it is there. */
    peer: async (nth = 1): Promise<RealtimePeer> => {
      await peers.until(() => peers.all.length >= nth);
      const found = peers.all[nth - 1];
      if (!found) throw new Error(`there is no client ${nth}`);
      return found;
    },
    /** Handshakes wait until `gate` resolves. */
    acceptAfter: (gate: Promise<void>): void => void (accepting = gate),
    async close(): Promise<void> {
      for (const socket of sockets.clients) socket.terminate();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

export type RealtimeService = Awaited<ReturnType<typeof startRealtimeService>>;
