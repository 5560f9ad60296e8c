import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { Heard, HearingStream } from '#contracts/speech-to-text.ts';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { portOf } from '#test/support/port.ts';
import { recorder } from '#test/support/recorder.ts';
import type { Recorder } from '#test/support/recorder.ts';
import { deepgramSpeechToText } from './speech-to-text.ts';

const FRAME_BYTES = 160;

/** What a client sends, and how it reacts to messages no simulator would send. */
describe('a stream of Deepgram', () => {
  const http = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  /** What arrived: text as it is, audio as its length. */
  let arrived: Recorder<string | number>;
  let peer: PromiseWithResolvers<WebSocket>;
  let url: URL;
  let accepting: Promise<void>;
  let vendors: { close(): void }[];
  http.on('upgrade', (request, socket, head) => {
    url = new URL(request.url ?? '', 'http://localhost');
    void accepting.then(() =>
      sockets.handleUpgrade(request, socket, head, (open) => {
        open.on('message', (data: Buffer, isBinary) =>
          arrived.on(isBinary ? data.length : data.toString()),
        );
        peer.resolve(open);
      }),
    );
  });
  beforeEach(async () => {
    arrived = recorder();
    peer = Promise.withResolvers();
    accepting = Promise.resolve();
    vendors = [];
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    for (const vendor of vendors) vendor.close();
    http.closeAllConnections();
    for (const socket of sockets.clients) socket.terminate();
    await new Promise((resolve) => http.close(resolve));
  });

  const listen = (
    model: string,
    options: { readonly language?: string; readonly keyterms?: readonly string[] } = {},
  ): { stream: HearingStream; heard: Recorder<Heard>; clock: VirtualClock } => {
    const clock = virtualClock();
    const vendor = deepgramSpeechToText({
      apiKey: 'key-0123456789',
      baseUrl: `http://127.0.0.1:${portOf(http)}`,
      clock,
      log: silentLog,
      model,
    });
    vendors.push(vendor);
    const heard = recorder<Heard>();
    const stream = vendor.listen({ language: 'en-GB', keyterms: [], ...options }, heard.on);
    return { stream, heard, clock };
  };
  const write = (stream: HearingStream, frames: number): void => {
    for (let i = 0; i < frames; i++) stream.write(new Uint8Array(FRAME_BYTES).fill(0xff));
  };
  const isFailed = (heard: Heard): boolean => heard.type === 'failed';

  test('asks nova for interims and untouched mu-law, with its key terms', async () => {
    listen('nova-3', { keyterms: ['Trattoria Sole', 'Ñandú'] });
    await peer.promise;
    expect(url.pathname).toBe('/v1/listen');
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      model: 'nova-3',
      language: 'en-GB',
      encoding: 'mulaw',
      sample_rate: '8000',
      interim_results: 'true',
    });
    expect(url.searchParams.getAll('keyterm')).toEqual(['Trattoria Sole', 'Ñandú']);
  });

  test('calls them keywords where the model is older, and hints the language to the multilingual one', async () => {
    listen('nova-2', { keyterms: ['Sole'] });
    await peer.promise;
    expect(url.searchParams.getAll('keywords')).toEqual(['Sole']);
    peer = Promise.withResolvers();
    listen('flux-general-multi', { language: 'de-AT' });
    await peer.promise;
    expect(url.pathname).toBe('/v2/listen');
    expect(url.searchParams.get('language_hint')).toBe('de');
    expect(Number(url.searchParams.get('eager_eot_threshold'))).toBeLessThan(
      Number(url.searchParams.get('eot_threshold')),
    );
  });

  test('nova gets every frame at once, Flux gets pieces of 80 ms', async () => {
    const nova = listen('nova-3');
    write(nova.stream, 5);
    nova.stream.finalize();
    await arrived.until((data) => data === '{"type":"Finalize"}');
    expect(arrived.all).toEqual([160, 160, 160, 160, 160, '{"type":"Finalize"}']);

    arrived = recorder();
    const flux = listen('flux-general-en');
    write(flux.stream, 10);
    flux.stream.write(new Uint8Array(320));
    await expect.poll(() => arrived.all.length).toBe(3);
    expect(arrived.all).toEqual([640, 640, 640]);
  });

  test('what finalize flushes of a piece is made up for by the next one', async () => {
    const { stream } = listen('flux-general-en');
    write(stream, 5);
    stream.finalize();
    write(stream, 7);
    await expect.poll(() => arrived.all.length).toBe(4);
    expect(arrived.all).toEqual([640, 160, 480, 640]);
  });

  test('audio from before the connection is sent first, at most the last 10 s of it', async () => {
    const accept = Promise.withResolvers<void>();
    accepting = accept.promise;
    const { stream } = listen('nova-3');
    write(stream, 700);
    accept.resolve();
    await peer.promise;
    stream.finalize();
    await arrived.until((data) => data === '{"type":"Finalize"}');
    expect(arrived.all.filter((data) => data === FRAME_BYTES)).toHaveLength(500);
  });

  test('a stream without audio is kept open, and one with audio gets nothing else', async () => {
    const { stream, clock, heard } = listen('nova-3');
    (await peer.promise).on('ping', () => undefined);
    await expect.poll(() => clock.pending).toBeGreaterThan(1);
    await clock.advance(3_000);
    await clock.advance(1_500);
    write(stream, 1);
    await clock.advance(1_500);
    stream.finalize();
    await arrived.until((data) => data === '{"type":"Finalize"}');
    expect(arrived.all).toEqual(['{"type":"KeepAlive"}', 160, '{"type":"Finalize"}']);
    expect(heard.all).toEqual([]);
  });

  test('Flux, which knows no keep-alive, gets a piece of silence', async () => {
    const { clock } = listen('flux-general-en');
    await expect.poll(() => clock.pending).toBeGreaterThan(1);
    await clock.advance(3_000);
    await expect.poll(() => arrived.all).toEqual([640]);
  });

  test('ends with CloseStream', async () => {
    const { stream } = listen('nova-3');
    await peer.promise;
    write(stream, 1);
    await expect.poll(() => arrived.all).toEqual([160]);
    stream.close();
    await arrived.until((data) => data === '{"type":"CloseStream"}');
  });

  test('an old replay written at once is no sign of a dead server', async () => {
    const { stream, heard } = listen('flux-general-en');
    const open = await peer.promise;
    write(stream, 1_000);
    open.send(JSON.stringify({ type: 'TurnInfo', event: 'StartOfTurn', transcript: 'Yes' }));
    await heard.until((one) => one.type === 'interim');
    expect(heard.all.filter(isFailed)).toEqual([]);
  });

  test('what it has no use for, it passes over', async () => {
    const { heard } = listen('nova-3');
    const open = await peer.promise;
    for (const message of [
      { type: 'Metadata' },
      { type: 'SpeechStarted', channel: [0] },
      { type: 'FromTheFuture', x: 1 },
      { type: 'Results', is_final: true, channel: { alternatives: [{ transcript: '' }] } },
      { type: 'Results', is_final: true, channel: { alternatives: [{ transcript: ' Yes. ' }] } },
    ])
      open.send(JSON.stringify(message));
    await heard.until(({ type }) => type === 'final');
    expect(heard.all).toEqual([{ type: 'final', text: 'Yes.', fromFinalize: false }]);
  });

  test.each([
    ['nova-3', '{"type":"Results","channel":{}}'],
    ['nova-3', 'null'],
    ['flux-general-en', '{"type":"TurnInfo","event":"Update"}'],
    ['flux-general-en', '[]'],
  ])('%s: %s is garbled', async (model, message) => {
    const { heard } = listen(model);
    (await peer.promise).send(message);
    expect(await heard.until(isFailed)).toMatchObject({ failure: { code: 'garbled' } });
  });

  test.each([
    ['INTERNAL_SERVER_ERROR', 'unreachable'],
    ['UNPARSABLE_CLIENT_MESSAGE', 'invalid'],
  ])('Flux’s error %s means %s', async (code, meaning) => {
    const { heard } = listen('flux-general-en');
    (await peer.promise).send(JSON.stringify({ type: 'Error', code, description: 'Why.' }));
    const failed = await heard.until(isFailed);
    expect(failed).toMatchObject({
      failure: { code: meaning, message: `deepgram: ${code}: Why.` },
    });
  });

  test.each([
    [1_011, 'NET-0001', 'closed'],
    [1_008, 'DATA-0000', 'invalid'],
  ])('an end with %i %s means %s', async (code, reason, meaning) => {
    const { heard } = listen('nova-3');
    (await peer.promise).close(code, reason);
    expect(await heard.until(isFailed)).toMatchObject({
      failure: { code: meaning, message: `deepgram closed the connection (${code} ${reason})` },
    });
  });

  test('a stream that was closed is told no more of what was on its way', async () => {
    const { stream, heard } = listen('flux-general-en');
    const open = await peer.promise;
    const listening = heard.until(({ type }) => type === 'eager-end').then(() => stream.close());
    open.send(JSON.stringify({ type: 'TurnInfo', event: 'EagerEndOfTurn', transcript: 'Yes.' }));
    await listening;
    open.send(JSON.stringify({ type: 'TurnInfo', event: 'TurnResumed', transcript: 'Yes. And' }));
    await arrived.until((data) => data === '{"type":"CloseStream"}');
    expect(heard.all.map(({ type }) => type)).toEqual(['eager-end']);
  });
});
