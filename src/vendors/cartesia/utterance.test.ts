import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { Spoken, TextToSpeech } from '#contracts/text-to-speech.ts';
import { silentLog } from '#lib/log.ts';
import { parseRecord } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { portOf } from '#test/support/port.ts';
import { recorder } from '#test/support/recorder.ts';
import type { Recorder } from '#test/support/recorder.ts';
import { cartesiaTextToSpeech } from './text-to-speech.ts';

/** What is asked of the service, and the answers no simulator would give at that moment. */
describe('an utterance of Cartesia', () => {
  const http = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  let asked: Recorder<JsonRecord>;
  let peers: WebSocket[];
  let clock: VirtualClock;
  let vendor: TextToSpeech;
  http.on('upgrade', (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (peer) => {
      peers.push(peer);
      peer.on('message', (data: Buffer) => asked.on(parseRecord(data.toString()) ?? {}));
    }),
  );
  beforeEach(async () => {
    asked = recorder();
    peers = [];
    clock = virtualClock();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    vendor = cartesiaTextToSpeech({
      apiKey: 'key-0123456789',
      baseUrl: `http://127.0.0.1:${portOf(http)}`,
      clock,
      log: silentLog,
    });
  });
  afterEach(async () => {
    vendor.close();
    for (const peer of peers) peer.terminate();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });

  const speak = () => {
    const spoken = recorder<Spoken>();
    return { spoken, utterance: vendor.speak({ voice: 'v1', language: 'en-GB' }, spoken.on) };
  };
  const requests = async (count: number): Promise<readonly JsonRecord[]> => {
    await expect.poll(() => asked.all.length).toBe(count);
    return asked.all;
  };
  const answer = (request: JsonRecord | undefined, message: object): void =>
    peers[0]?.send(
      JSON.stringify({ context_id: request?.['context_id'], done: false, ...message }),
    );
  const chunk = (bytes: number): object => ({
    type: 'chunk',
    data: Buffer.alloc(bytes, 0xff).toString('base64'),
  });
  const words = (text: string, start: number, end: number): object => ({
    type: 'timestamps',
    word_timestamps: { words: [text], start: [start], end: [end] },
  });
  const DONE = { type: 'done', done: true, status_code: 200 };
  const types = (spoken: Recorder<Spoken>) => spoken.all.map(({ type }) => type);

  test('repeats the same fields in every message of a context, and joins nothing to the text', async () => {
    const { utterance } = speak();
    utterance.push('Hello, ');
    utterance.push('world.');
    utterance.finish();
    const [first, second, last] = await requests(3);
    const { transcript, continue: goesOn, ...fields } = first ?? {};
    expect([transcript, goesOn]).toEqual(['Hello, ', true]);
    expect(fields).toMatchObject({
      model_id: 'sonic-3.5',
      voice: { id: 'v1' },
      language: 'en',
      output_format: { container: 'raw', encoding: 'pcm_mulaw', sample_rate: 8_000 },
      add_timestamps: true,
    });
    expect(second).toEqual({ ...fields, transcript: 'world.', continue: true });
    expect(last).toEqual({ ...fields, transcript: '', continue: false });
  });

  test('a context that fell quiet is ended, and the next text goes to a new one whose times go on', async () => {
    const { spoken, utterance } = speak();
    utterance.push('Let me see.');
    const [first] = await requests(1);
    answer(first, chunk(8_000));
    answer(first, words('see.', 0.5, 1));
    await spoken.until(({ type }) => type === 'words');
    await clock.advance(700);
    utterance.push('Here it is.');
    const [, end, second] = await requests(3);
    expect(end).toMatchObject({
      context_id: first?.['context_id'],
      transcript: '',
      continue: false,
    });
    expect(second?.['context_id']).not.toBe(first?.['context_id']);
    // What comes of the second waits until all of the first has been said.
    answer(second, chunk(400));
    answer(second, words('Here', 0, 0.05));
    answer(first, chunk(800));
    answer(first, DONE);
    await spoken.until((said) => said.type === 'words' && said.words[0]?.text === 'Here');
    const bytes = spoken.all.flatMap((said) => (said.type === 'audio' ? [said.audio.length] : []));
    expect(bytes).toEqual([8_000, 800, 400]);
    expect(spoken.all.at(-1)).toEqual({
      type: 'words',
      words: [{ text: 'Here', startMs: 1_100, endMs: 1_150 }],
    });
    utterance.finish();
    answer(second, DONE);
    await spoken.until(({ type }) => type === 'done');
  });

  test('a forgotten context that never says it is done does not hold the utterance up', async () => {
    const { spoken, utterance } = speak();
    utterance.push('Goodbye.');
    const [first] = await requests(1);
    answer(first, chunk(8_000));
    await spoken.until(({ type }) => type === 'audio');
    await clock.advance(2_000);
    utterance.finish();
    await clock.advance(1_500);
    expect(types(spoken)).toEqual(['audio', 'done']);
    await expect.poll(() => clock.pending).toBe(1);
  });

  test('a forgotten context that answers its end with an error is done as well', async () => {
    const { spoken, utterance } = speak();
    utterance.push('Goodbye.');
    const [first] = await requests(1);
    answer(first, chunk(8_000));
    await spoken.until(({ type }) => type === 'audio');
    await clock.advance(2_000);
    utterance.finish();
    answer(first, { type: 'error', status_code: 400, title: 'Expired', done: true });
    await spoken.until(({ type }) => type === 'done');
  });

  test('a voice that stops in the middle has failed', async () => {
    const { spoken, utterance } = speak();
    utterance.push('I would like to say something long.');
    utterance.finish();
    const [first] = await requests(2);
    answer(first, chunk(800));
    await spoken.until(({ type }) => type === 'audio');
    await clock.advance(5_000);
    expect(spoken.all.at(-1)).toMatchObject({ type: 'failed', failure: { code: 'timeout' } });
  });

  test('late chunks of a cancelled utterance, and of contexts nobody knows, are dropped', async () => {
    const one = speak();
    one.utterance.push('One.');
    const [first] = await requests(1);
    one.utterance.cancel();
    const two = speak();
    two.utterance.push('Two.');
    const [, cancel, second] = await requests(3);
    expect(cancel).toEqual({ context_id: first?.['context_id'], cancel: true });
    answer(first, chunk(800));
    answer({ context_id: 'unknown' }, chunk(800));
    answer(second, chunk(160));
    await two.spoken.until(({ type }) => type === 'audio');
    expect(one.spoken.all).toEqual([]);
    expect(two.spoken.all).toHaveLength(1);
  });

  test('many utterances share a socket, and a crowd opens another', async () => {
    const lines = Array.from({ length: 25 }, () => speak());
    for (const { utterance } of lines) utterance.push('Hello.');
    await requests(25);
    expect(peers).toHaveLength(2);
  });

  test('an idle socket is closed before the service would, and opened again on demand', async () => {
    const { spoken, utterance } = speak();
    utterance.push('Hello.');
    utterance.finish();
    const [first] = await requests(2);
    answer(first, chunk(160));
    answer(first, DONE);
    await spoken.until(({ type }) => type === 'done');
    expect(clock.pending).toBe(1);
    await clock.advance(240_000);
    await expect.poll(() => peers[0]?.readyState).toBe(3);
    speak().utterance.push('Hello again.');
    await requests(3);
    expect(peers).toHaveLength(2);
  });

  test('an error of the whole connection ends everything that waits on it', async () => {
    const one = speak();
    const two = speak();
    one.utterance.push('One.');
    two.utterance.push('Two.');
    await requests(2);
    peers[0]?.send(
      JSON.stringify({ type: 'error', status_code: 429, title: 'Too many sockets', done: true }),
    );
    for (const { spoken } of [one, two])
      expect(await spoken.until(({ type }) => type === 'failed')).toMatchObject({
        failure: { code: 'limited', message: 'cartesia answered HTTP 429: Too many sockets' },
      });
  });

  test.each([
    ['a chunk without data', { type: 'chunk' }],
    ['timestamps without words', { type: 'timestamps' }],
    [
      'a word without its times',
      { type: 'timestamps', word_timestamps: { words: ['a'], start: [], end: [] } },
    ],
  ])('%s is garbled', async (_, message) => {
    const { spoken, utterance } = speak();
    utterance.push('Hello.');
    const [first] = await requests(1);
    answer(first, message);
    expect(await spoken.until(({ type }) => type === 'failed')).toMatchObject({
      failure: { code: 'garbled' },
    });
  });
});
