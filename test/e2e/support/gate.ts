import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';

/** A way to a service that can be closed: whoever comes is then turned away, as if it were down. */
export type Gate = {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  /** What is open when it is closed is cut. */
  set(isOpen: boolean): void;
  close(): Promise<void>;
};

/** @param target `http:` origin of the service */
export async function openGate(target: string): Promise<Gate> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  let isOpen = true;
  const server = createServer((client) => {
    client.on('error', () => client.destroy());
    if (!isOpen) return void client.resetAndDestroy();
    const service = connect({ host: hostname, port: Number(port) });
    for (const socket of [client, service]) {
      open.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        open.delete(socket);
        client.destroy();
        service.destroy();
      });
    }
    client.pipe(service).pipe(client);
    return undefined;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const cut = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    origin: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    set(next) {
      isOpen = next;
      if (!next) cut();
    },
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
