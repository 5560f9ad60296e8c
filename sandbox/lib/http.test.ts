import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { sendJson, startHttp } from './http.ts';
import type { HttpServer } from './http.ts';

const servers: HttpServer[] = [];
const start = async (options: Parameters<typeof startHttp>[0]): Promise<HttpServer> => {
  const server = await startHttp(options);
  servers.push(server);
  return server;
};
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

test('a request arrives with its method, URL and whole body', async () => {
  const server = await start({
    onRequest: ({ method, url, body, response }) =>
      sendJson(response, 201, {
        method,
        path: url.pathname,
        x: url.searchParams.get('x'),
        body: body.toString(),
      }),
  });
  const response = await fetch(`${server.origin}/a/b?x=1`, { method: 'POST', body: 'hello' });
  expect(response.status).toBe(201);
  expect(await response.json()).toEqual({ method: 'POST', path: '/a/b', x: '1', body: 'hello' });
});

test('a fault of the handler is a 500 that says what it was', async () => {
  const server = await start({
    onRequest: () => {
      throw new Error('out of order');
    },
  });
  const response = await fetch(server.origin);
  expect([response.status, await response.text()]).toEqual([500, 'out of order']);
});

test('a body of more than 4 MB is refused', async () => {
  const server = await start({ onRequest: ({ response }) => sendJson(response, 200, {}) });
  const response = await fetch(server.origin, {
    method: 'POST',
    body: Buffer.alloc(4 * 1024 * 1024 + 1),
  });
  expect(response.status).toBe(413);
});

test('a port that is taken is an error, not a crash', async () => {
  const { port } = await start({ onRequest: () => undefined });
  await expect(startHttp({ port, onRequest: () => undefined })).rejects.toThrow('EADDRINUSE');
});

test('close cuts what is open: a request without an answer and an upgraded socket', async () => {
  const server = await start({
    onRequest: () => undefined,
    onUpgrade: (_, socket) => void socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
  });
  const upgraded = connect(server.port, '127.0.0.1');
  upgraded.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n');
  await once(upgraded, 'data');
  const pending = fetch(server.origin);
  const failed = expect(pending).rejects.toThrow('fetch failed');
  const closed = once(upgraded, 'close');
  await server.close();
  await closed;
  await failed;
});
