import { once } from 'node:events';
import { connect } from 'node:net';
import fastify from 'fastify';
import { expect, test } from 'vitest';
import { endConnectionsOnClose } from './connections.ts';

test('a server that closes waits neither for unused connections nor for those just answered', async () => {
  const app = fastify();
  endConnectionsOnClose(app);
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  app.get('/slow', async () => {
    asked.resolve();
    await answer.promise;
    return 'done';
  });
  const origin = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
  const open = async () => {
    const socket = connect(Number(origin.port), origin.hostname);
    await once(socket, 'connect');
    return { socket, closed: once(socket.resume(), 'close') };
  };
  const unused = await open();
  const busy = await open();
  let answered = '';
  busy.socket.on('data', (chunk) => (answered += String(chunk)));
  busy.socket.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await asked.promise;

  const closing = app.close();
  await unused.closed;
  answer.resolve();
  await busy.closed;
  await closing;
  expect(answered).toContain('done');
});
