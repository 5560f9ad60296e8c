import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * Lets a closing server end at once. Node's own `close` ends connections that are idle between two
 * requests, but waits a minute for one that has not been used yet, as browsers open them ahead of
 * need, and for one whose answer was on its way at that moment.
 */
export function endConnectionsOnClose(app: FastifyInstance): void {
  const unused = new Set<Socket>();
  let isClosing = false;
  app.server.on('connection', (socket) => {
    if (isClosing) return void socket.destroy();
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  const isUsed = ({ socket }: { readonly socket: Socket }): void => void unused.delete(socket);
  app.server.on('request', isUsed);
  app.server.on('upgrade', isUsed);
  app.addHook('onSend', async (_request, reply) => {
    if (isClosing) reply.header('connection', 'close');
  });
  app.addHook('preClose', async () => {
    isClosing = true;
    for (const socket of unused) socket.destroy();
  });
}
