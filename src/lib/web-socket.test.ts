import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { portOf } from '#test/support/port.ts';
import { recorder } from '#test/support/recorder.ts';
import { virtualClock } from './virtual-clock.ts';
import { openSocket } from './web-socket.ts';
import type { SocketEvent } from './web-socket.ts';

describe('a client’s socket', () => {
  const http = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  let base: string;
  let peers: WebSocket[];
  http.on('upgrade', (request, socket, head) => {
    if (request.url === '/refuse')
      socket.end('HTTP/1.1 418 Teapot\r\nx-why: tea\r\ncontent-length: 5\r\n\r\nshort');
    else sockets.handleUpgrade(request, socket, head, (peer) => peers.push(peer));
  });
  beforeEach(async () => {
    peers = [];
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${portOf(http)}`;
  });
  afterEach(async () => {
    for (const peer of peers) peer.terminate();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });

  const open = (url: string, clock = virtualClock()) => {
    const events = recorder<SocketEvent>();
    const socket = openSocket(
      { url, headers: { 'x-key': 'k' }, clock, openWithinMs: 1_000, maxMessageBytes: 1_000 },
      events.on,
    );
    return { events, socket, clock };
  };
  const types = (events: { readonly all: readonly SocketEvent[] }) =>
    events.all.map(({ type }) => type);

  test('carries text and bytes both ways, and says how it ended', async () => {
    const { events, socket, clock } = open(`${base}/`);
    await events.until(({ type }) => type === 'open');
    expect(clock.pending).toBe(0);
    const [peer] = peers;
    const arrived: string[] = [];
    peer?.on('message', (data: Buffer, isBinary) => arrived.push(`${isBinary} ${data.toString()}`));
    socket.send('hello');
    socket.send(Buffer.from('bytes'));
    socket.ping();
    await events.until(({ type }) => type === 'pong');
    expect(arrived).toEqual(['false hello', 'true bytes']);
    peer?.send('text');
    peer?.send(Buffer.from([1, 2]));
    peer?.close(1011, 'NET-0001');
    expect(await events.until(({ type }) => type === 'closed')).toEqual({
      type: 'closed',
      code: 1_011,
      reason: 'NET-0001',
    });
    expect(types(events)).toEqual(['open', 'pong', 'text', 'binary', 'closed']);
  });

  test('a handshake that is answered by HTTP is refused, with headers and body', async () => {
    const { events, clock } = open(`${base}/refuse`);
    const refused = await events.until(({ type }) => type === 'refused');
    expect(refused).toMatchObject({ status: 418, body: 'short', headers: { 'x-why': 'tea' } });
    expect(types(events)).toEqual(['refused']);
    expect(clock.pending).toBe(0);
  });

  test('a server that never answers the handshake is given up', async () => {
    const silent = createTcpServer((socket) => socket.resume());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const connected = new Promise((resolve) => silent.once('connection', resolve));
    const { events, clock } = open(`ws://127.0.0.1:${portOf(silent)}`);
    await connected;
    await clock.advance(1_000);
    expect(events.all).toEqual([
      { type: 'failed', reason: 'timeout', detail: 'no connection within 1000 ms' },
    ]);
    expect(clock.pending).toBe(0);
    await new Promise((resolve) => silent.close(resolve));
  });

  test('nobody there is unreachable, said once', async () => {
    const { events } = open('ws://127.0.0.1:9');
    const failed = await events.until(({ type }) => type === 'failed');
    expect(failed).toMatchObject({ reason: 'unreachable' });
    expect(events.all).toHaveLength(1);
  });

  test('a cut connection is closed with 1006', async () => {
    const { events } = open(base);
    await events.until(({ type }) => type === 'open');
    await expect.poll(() => peers.length).toBe(1);
    peers[0]?.terminate();
    expect(await events.until(({ type }) => type === 'closed')).toMatchObject({ code: 1_006 });
  });

  test('a message that is too long ends the connection', async () => {
    const { events } = open(base);
    await events.until(({ type }) => type === 'open');
    await expect.poll(() => peers.length).toBe(1);
    peers[0]?.send('x'.repeat(1_001));
    expect((await events.until(({ type }) => type === 'closed')).type).toBe('closed');
    expect(types(events)).not.toContain('text');
  });

  test('after close nothing is said, and a server that does not answer is left after a second', async () => {
    const { events, socket, clock } = open(base);
    await events.until(({ type }) => type === 'open');
    await expect.poll(() => peers.length).toBe(1);
    const [peer] = peers;
    peer?.pause();
    peer?.send('late');
    socket.close();
    expect(clock.pending).toBe(1);
    await clock.advance(1_000);
    const ended = new Promise((resolve) => peer?.once('close', resolve));
    peer?.resume();
    await ended;
    expect(types(events)).toEqual(['open']);
    expect(clock.pending).toBe(0);
    socket.send('nothing');
    socket.ping();
    socket.close();
    expect(clock.pending).toBe(0);
  });

  test('closing before it is open says nothing and leaves nothing', async () => {
    const { events, socket, clock } = open(base);
    socket.close();
    expect(clock.pending).toBe(0);
    await expect.poll(() => peers.every((peer) => peer.readyState === peer.CLOSED)).toBe(true);
    expect(events.all).toEqual([]);
  });
});
