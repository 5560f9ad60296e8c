import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
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
import { elevenlabsTextToSpeech } from './text-to-speech.ts';

/** What is asked of the service, and the answers no simulator would give at that moment. */
describe('an utterance of ElevenLabs', () => {
  type Asked = JsonRecord & { readonly peer: WebSocket };
  const http = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  let asked: Recorder<Asked>;
  let peers: WebSocket[];
  let handshakes: { readonly url: URL; readonly headers: IncomingHttpHeaders }[];
  let clock: VirtualClock;
  let vendor: TextToSpeech;
  http.on('upgrade', (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (peer) => {
      peers.push(peer);
      handshakes.push({ url: new URL(request.url ?? '/', 'http://x'), headers: request.headers });
      peer.on('message', (data: Buffer) => asked.on({ ...parseRecord(data.toString()), peer }));
    }),
  );
  const openVendor = (model?: string): TextToSpeech =>
    elevenlabsTextToSpeech({
      apiKey: 'key-0123456789',
      baseUrl: `http://127.0.0.1:${portOf(http)}`,
      clock,
      log: silentLog,
      model,
    });
  beforeEach(async () => {
    asked = recorder();
    peers = [];
    handshakes = [];
    clock = virtualClock();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    vendor = openVendor();
  });
  afterEach(async () => {
    vendor.close();
    for (const peer of peers) peer.terminate();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });

  const speak = (voice = 'v1') => {
    const spoken = recorder<Spoken>();
    return { spoken, utterance: vendor.speak({ voice, language: 'en-GB' }, spoken.on) };
  };
  const requests = async (count: number): Promise<readonly Asked[]> => {
    await expect.poll(() => asked.all.length).toBe(count);
    return asked.all;
  };
  const withoutPeer = (request: Asked): JsonRecord => ({ ...request, peer: undefined });
  const answer = (request: Asked | undefined, message: object): void =>
    request?.peer.send(JSON.stringify({ contextId: request['context_id'], ...message }));
  const audio = (bytes: number, text = '', startMs = 0, msEach = 10): object => ({
    audio: Buffer.alloc(bytes, 0xff).toString('base64'),
    isFinal: null,
    alignment: {
      chars: Array.from(text),
      charStartTimesMs: Array.from(text, (_, index) => startMs + index * msEach),
      charDurationsMs: Array.from(text, () => msEach),
    },
  });
  const FINAL = { isFinal: true };
  const wordsOf = (spoken: Recorder<Spoken>) =>
    spoken.all.flatMap((said) => (said.type === 'words' ? said.words : []));
  const types = (spoken: Recorder<Spoken>) => spoken.all.map(({ type }) => type);
  const isEnd = ({ type }: Spoken): boolean => type === 'done' || type === 'failed';

  test('asks for mu-law, times and patience, with the key in a header only', async () => {
    speak('a/b').utterance.push('Hello.');
    await requests(2);
    const [{ url, headers } = { url: new URL('http://x'), headers: {} }] = handshakes;
    expect(url.pathname).toBe('/v1/text-to-speech/a%2Fb/multi-stream-input');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      model_id: 'eleven_flash_v2_5',
      output_format: 'ulaw_8000',
      auto_mode: 'true',
      sync_alignment: 'true',
      inactivity_timeout: '180',
      language_code: 'en',
    });
    expect(headers['xi-api-key']).toBe('key-0123456789');
  });

  test('tells the language only to models that take it', async () => {
    vendor.close();
    vendor = openVendor('eleven_multilingual_v2');
    speak().utterance.push('Hello.');
    await requests(2);
    expect(handshakes[0]?.url.searchParams.has('language_code')).toBe(false);
  });

  test('opens a context with a space, speaks whole words at once, and closes it', async () => {
    const { utterance } = speak();
    utterance.push('Hello, wor');
    utterance.push('ld. It is 3.');
    utterance.push('5.');
    utterance.finish();
    const all = await requests(5);
    const context_id = all[0]?.['context_id'];
    expect(all.map(withoutPeer)).toEqual([
      { text: ' ', context_id },
      { text: 'Hello, ', context_id, flush: true },
      { text: 'world. It is ', context_id, flush: true },
      { text: '3.5. ', context_id, flush: true },
      { context_id, close_context: true },
    ]);
  });

  test('joins characters to words whose times go on through all its audio', async () => {
    const { spoken, utterance } = speak();
    utterance.push('See you soon.');
    utterance.finish();
    const [first] = await requests(3);
    answer(first, audio(800, 'See y', 0, 20));
    answer(first, audio(800, 'ou ', 0, 20));
    answer(first, audio(800, 'soon. ', 50, 5));
    answer(first, FINAL);
    await spoken.until(isEnd);
    expect(wordsOf(spoken)).toEqual([
      { text: 'See', startMs: 0, endMs: 60 },
      { text: 'you', startMs: 80, endMs: 140 },
      { text: 'soon.', startMs: 250, endMs: 275 },
    ]);
    expect(types(spoken)).toEqual(['audio', 'words', 'audio', 'words', 'audio', 'words', 'done']);
  });

  test('reads both spellings, and the normalised text where there is no other', async () => {
    const { spoken, utterance } = speak();
    utterance.push('Hi.');
    utterance.finish();
    const [first] = await requests(3);
    const context_id = first?.['context_id'];
    const normalizedAlignment = {
      chars: ['H', 'i', '.'],
      charStartTimesMs: [0, 5, 9],
      charDurationsMs: [5, 4, 1],
    };
    const mulaw = Buffer.alloc(400, 0xff).toString('base64');
    first?.peer.send(
      JSON.stringify({ audio: mulaw, alignment: null, normalizedAlignment, context_id }),
    );
    first?.peer.send(JSON.stringify({ context_id, is_final: true }));
    await spoken.until(isEnd);
    expect(wordsOf(spoken)).toEqual([{ text: 'Hi.', startMs: 0, endMs: 10 }]);
  });

  test('the last word waits for no space', async () => {
    const { spoken, utterance } = speak();
    utterance.push('Bye.');
    utterance.finish();
    const [first] = await requests(3);
    answer(first, audio(400, 'Bye.'));
    answer(first, FINAL);
    await spoken.until(isEnd);
    expect(wordsOf(spoken)).toEqual([{ text: 'Bye.', startMs: 0, endMs: 40 }]);
  });

  test('a context that the service closed by itself is followed by another, and its times go on', async () => {
    const { spoken, utterance } = speak();
    utterance.push('Let me see.');
    const [first] = await requests(2);
    answer(first, audio(800, 'Let me see. '));
    answer(first, FINAL);
    await expect.poll(() => wordsOf(spoken).length).toBe(3);
    utterance.push('Here it is.');
    utterance.finish();
    const second = (await requests(5))[2];
    expect(second?.['context_id']).not.toBe(first?.['context_id']);
    answer(second, audio(800, 'Here it is. '));
    answer(second, FINAL);
    await spoken.until(isEnd);
    expect(wordsOf(spoken).at(3)).toEqual({ text: 'Here', startMs: 100, endMs: 140 });
  });

  test('a context that ends with words unspoken has failed', async () => {
    const { spoken, utterance } = speak();
    utterance.push('I would like to say something long.');
    const [first] = await requests(2);
    answer(first, audio(800, 'I would '));
    answer(first, FINAL);
    expect(await spoken.until(isEnd)).toMatchObject({ failure: { code: 'closed' } });
  });

  test('all of it spoken is done, even if the service never says so', async () => {
    const { spoken, utterance } = speak();
    utterance.push('Goodbye 👋.');
    utterance.finish();
    const [first] = await requests(3);
    answer(first, audio(800, 'Goodbye '));
    await spoken.until(({ type }) => type === 'words');
    await clock.advance(1_500);
    expect(types(spoken)).toEqual(['audio', 'words', 'done']);
  });

  test('a voice that stops in the middle has failed', async () => {
    const { spoken, utterance } = speak();
    utterance.push('I would like to say something long.');
    utterance.finish();
    const [first] = await requests(3);
    answer(first, audio(800, 'I would '));
    await spoken.until(({ type }) => type === 'words');
    await clock.advance(5_000);
    expect(spoken.all.at(-1)).toMatchObject({ type: 'failed', failure: { code: 'timeout' } });
  });

  test('a pause in the text is no failure, and the context is kept alive through it', async () => {
    const { spoken, utterance } = speak();
    utterance.push('Let me see.');
    const [first] = await requests(2);
    answer(first, audio(800, 'Let me see. '));
    await spoken.until(({ type }) => type === 'words');
    await clock.advance(125_000);
    const all = await requests(4);
    for (const request of all.slice(2).map(withoutPeer))
      expect(request).toEqual({ text: '', context_id: first?.['context_id'] });
    expect(spoken.all.some(isEnd)).toBe(false);
  });

  test('an interrupted context is closed, and counts until it is final', async () => {
    const lines = Array.from({ length: 4 }, () => speak());
    for (const { utterance } of lines) utterance.push('Hello.');
    const first = (await requests(8))[0];
    lines[0]?.utterance.cancel();
    const close = (await requests(9))[8];
    expect(close).toMatchObject({ context_id: first?.['context_id'], close_context: true });
    speak().utterance.push('Hello.');
    await requests(11);
    expect(peers).toHaveLength(2);
    // Late audio of the interrupted one is dropped, and its end makes room.
    answer(first, audio(800, 'Hello. '));
    answer(first, FINAL);
    const marker = lines[1];
    answer(asked.all[2], audio(80, 'Hel'));
    await marker?.spoken.until(({ type }) => type === 'audio');
    expect(lines[0]?.spoken.all).toEqual([]);
    speak().utterance.push('Hello.');
    const all = await requests(13);
    expect(all[12]?.peer).toBe(peers[0]);
  });

  test('a socket that has lost count of its contexts takes no more of them', async () => {
    const one = speak();
    one.utterance.push('One.');
    const staying = speak();
    staying.utterance.push('Two.');
    const second = (await requests(4))[2];
    answer(second, audio(800, 'Two. '));
    await staying.spoken.until(({ type }) => type === 'words');
    one.utterance.cancel();
    await requests(5);
    await clock.advance(5_000);
    speak().utterance.push('Three.');
    expect((await requests(7))[6]?.peer).toBe(peers[1]);
    staying.utterance.finish();
    await requests(8);
    answer(second, FINAL);
    await staying.spoken.until(isEnd);
    await expect.poll(() => peers[0]?.readyState).toBe(3);
  });

  test('each voice has sockets of its own, and warm opens the one it is asked for', async () => {
    vendor.warm({ voice: 'v2', language: 'en-GB' });
    await expect
      .poll(() => handshakes.map(({ url }) => url.pathname.includes('/v2/')))
      .toEqual([true]);
    speak('v1').utterance.push('Hello.');
    speak('v2').utterance.push('Hello.');
    await requests(4);
    expect(peers).toHaveLength(2);
    vendor.warm();
    expect(peers).toHaveLength(2);
  });

  test('an idle socket is closed before the service would, and opened again on demand', async () => {
    const { spoken, utterance } = speak();
    utterance.push('Hello.');
    utterance.finish();
    const [first] = await requests(3);
    answer(first, audio(160, 'Hello. '));
    answer(first, FINAL);
    await spoken.until(isEnd);
    await clock.advance(150_000);
    await expect.poll(() => peers[0]?.readyState).toBe(3);
    expect(asked.all).toHaveLength(3);
    speak().utterance.push('Hello again.');
    await requests(5);
    expect(peers).toHaveLength(2);
  });

  test('a kept socket that had ended unnoticed costs nothing but a new one', async () => {
    vendor.warm({ voice: 'v1', language: 'en-GB' });
    await expect.poll(() => peers.length).toBe(1);
    await expect.poll(() => clock.pending).toBeGreaterThan(1);
    const { spoken, utterance } = speak();
    utterance.push('Hello. ');
    utterance.push('Goodbye.');
    utterance.finish();
    peers[0]?.terminate();
    await expect.poll(() => asked.all.filter(({ peer }) => peer === peers[1]).length).toBe(4);
    const second = asked.all.find(({ peer }) => peer === peers[1]);
    answer(second, audio(800, 'Hello. Goodbye. '));
    answer(second, FINAL);
    await spoken.until(isEnd);
    expect(types(spoken)).toEqual(['audio', 'words', 'done']);
  });

  test.each([
    ['quota_exceeded', 'This request exceeds your quota of 10000.', 'quota'],
    ['invalid_api_key', 'Invalid API key key-0123456789', 'refused'],
    ['max_active_conversations', 'Maximum simultaneous contexts exceeded (5).', 'limited'],
    ['voice_id_does_not_exist', 'A voice does not exist.', 'invalid'],
    ['input_timeout_exceeded', 'Have not received a new text input.', 'closed'],
    ['something_new', 'We are sorry, something went wrong.', 'unreachable'],
    ['something_new', 'You have no credits left.', 'quota'],
  ])('%s (%s) ends all that is spoken on its socket, as %s', async (error, message, code) => {
    const lines = [speak(), speak()];
    for (const { utterance } of lines) utterance.push('Hello.');
    await requests(4);
    peers[0]?.send(JSON.stringify({ message, error, code: 1008 }));
    for (const { spoken } of lines) {
      const end = await spoken.until(isEnd);
      expect(end).toMatchObject({ type: 'failed', failure: { code } });
      expect(JSON.stringify(end)).not.toContain('key-0123456789');
    }
  });

  test.each([
    [1_008, 'A model with requested ID does not exist.', 'invalid'],
    [1_008, 'Invalid API key', 'refused'],
    [1_008, 'policy', 'closed'],
    [1_011, 'quota', 'closed'],
  ])('a socket closed with %i "%s" means %s', async (closeCode, reason, code) => {
    const { spoken, utterance } = speak();
    utterance.push('Hello.');
    await requests(2);
    peers[0]?.close(closeCode, reason);
    expect(await spoken.until(isEnd)).toMatchObject({ failure: { code } });
  });

  test.each([
    ['audio that is no text', { audio: 5 }],
    ['characters without their times', { audio: null, alignment: { chars: ['a'] } }],
    ['an alignment that is none', { audio: null, alignment: 'a' }],
  ])('%s is garbled', async (_, message) => {
    const { spoken, utterance } = speak();
    utterance.push('Hello.');
    const [first] = await requests(2);
    answer(first, message);
    expect(await spoken.until(isEnd)).toMatchObject({ failure: { code: 'garbled' } });
  });

  test('messages that name no context are nobody’s', async () => {
    const { spoken, utterance } = speak();
    utterance.push('Hello.');
    const [first] = await requests(2);
    peers[0]?.send(JSON.stringify({ hello: 'world' }));
    answer(first, audio(80, 'Hello. '));
    await spoken.until(({ type }) => type === 'words');
    expect(types(spoken)).toEqual(['audio', 'words']);
  });
});

describe('the check of an ElevenLabs key', () => {
  let status = 200;
  let body: object = {};
  const server = createServer((_, response) =>
    response.writeHead(status).end(JSON.stringify(body)),
  );
  beforeEach(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  afterEach(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });

  const used = { character_count: 10_000, character_limit: 10_000 };
  test.each([
    [200, { ...used, character_count: 5 }, undefined],
    [200, { ...used, max_credit_limit_extension: 0 }, 'quota'],
    [200, { ...used, max_credit_limit_extension: 'unlimited' }, undefined],
    [200, { surprise: true }, undefined],
    [401, { detail: { status: 'missing_permissions', message: 'user_read' } }, undefined],
    [401, { detail: { status: 'invalid_api_key', message: 'Invalid API key' } }, 'refused'],
    [401, { detail: { code: 'quota_exceeded', message: 'No credits.' } }, 'quota'],
    [429, { detail: { status: 'too_many_concurrent_requests', message: 'Wait.' } }, 'limited'],
    [500, { detail: 'Oops' }, 'unreachable'],
  ])('%i with %o means %s', async (given, text, code) => {
    status = given;
    body = text;
    const vendor = elevenlabsTextToSpeech({
      apiKey: 'key-0123456789',
      baseUrl: `http://127.0.0.1:${portOf(server)}`,
      clock: virtualClock(),
      log: silentLog,
    });
    const check = await vendor.check(new AbortController().signal);
    vendor.close();
    expect(check.ok ? undefined : check.failure.code).toBe(code);
  });
});
