import { createServer } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { portOf } from '#test/support/port.ts';
import { httpClient, httpFault, textOfBody, TimeoutFault } from './http-client.ts';
import { virtualClock } from './virtual-clock.ts';
import type { HttpClient } from './http-client.ts';

describe('an HTTP client', () => {
  let connectionCount = 0;
  /** Paths that were asked for. */
  let paths: string[];
  let client: HttpClient;
  let gone: PromiseWithResolvers<void>;
  const server = createServer((request, response) => {
    paths.push(request.url ?? '');
    if (request.url === '/v1/never') {
      response.on('close', () => gone.resolve());
    } else if (request.url === '/v1/endless') {
      const timer = setInterval(() => response.write('x'.repeat(30_000)), 1);
      response.on('close', () => clearInterval(timer));
    } else if (request.url === '/v1/once')
      response.writeHead(200, { connection: 'close' }).end('ok');
    else response.end(`${request.method} ${String(request.headers['x-test'])}`);
  });
  server.on('connection', () => (connectionCount += 1));

  beforeEach(async () => {
    connectionCount = 0;
    paths = [];
    gone = Promise.withResolvers();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    client = httpClient(`http://127.0.0.1:${portOf(server)}/v1/`);
  });
  afterEach(async () => {
    client.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const get = (path: string, withinMs = 1_000, clock = virtualClock()) =>
    client.fetchText({ method: 'GET', path, headers: { 'x-test': 'yes' } }, { clock, withinMs });

  test('joins its paths to the base, and keeps one connection for one request after the other', async () => {
    for (let i = 0; i < 4; i++) {
      expect(await get('/models')).toEqual({ status: 200, text: 'GET yes' });
      // The connection is free again in the next turn of the event loop.
      await setImmediate();
    }
    expect(paths).toEqual(Array.from({ length: 4 }, () => '/v1/models'));
    expect(connectionCount).toBe(1);
  });

  test('a kept connection that the server has cut is replaced without anybody noticing', async () => {
    await get('/models');
    server.closeAllConnections();
    expect(await get('/models')).toEqual({ status: 200, text: 'GET yes' });
    expect(connectionCount).toBe(2);
  });

  test('a deadline is a fault of its own, ends the request and leaves no timer', async () => {
    const clock = virtualClock();
    const answer = get('/never', 500, clock);
    await expect.poll(() => paths).toEqual(['/v1/never']);
    await clock.advance(500);
    expect(await answer).toEqual({ kind: 'timeout', detail: 'no answer within 500 ms' });
    await gone.promise;
    expect(clock.pending).toBe(0);
  });

  test('a body without end is cut', async () => {
    const answer = await get('/endless');
    expect('text' in answer && answer.text.length).toBe(65_536);
  });

  test('nobody there is a fault in words', async () => {
    const nobody = httpClient('http://127.0.0.1:9');
    const answer = await nobody.fetchText(
      { method: 'GET', path: '/', headers: {} },
      { clock: virtualClock(), withinMs: 1_000 },
    );
    expect(answer).toMatchObject({ kind: 'unreachable' });
    expect('detail' in answer && answer.detail).toMatch(/ECONNREFUSED/);
    nobody.close();
  });

  test('a request that is aborted before the answer rejects, and the server sees it go', async () => {
    const stop = new AbortController();
    const asked = client.request({
      method: 'POST',
      path: '/never',
      headers: {},
      body: '{}',
      signal: stop.signal,
    });
    const failed = asked.then(
      () => 'answered',
      (error: unknown) => httpFault(error).kind,
    );
    await expect.poll(() => paths).toEqual(['/v1/never']);
    stop.abort(new TimeoutFault(1));
    expect(await failed).toBe('timeout');
    await gone.promise;
  });

  test('a whole body is read as text', async () => {
    const { signal } = new AbortController();
    const { status, body } = await client.request({
      method: 'GET',
      path: '/once',
      headers: {},
      signal,
    });
    expect([status, await textOfBody(body)]).toEqual([200, 'ok']);
  });
});
