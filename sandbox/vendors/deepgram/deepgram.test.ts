import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { DeepgramClient } from '@deepgram/sdk';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import { clipMulaw, clipPcm } from '../../speech/clip-audio.ts';
import { openEar } from '../../speech/ear.ts';
import type { SpeechClip, VoiceBank } from '../../speech/speech.ts';
import { createVoiceBank } from '../../speech/voice-bank.ts';
import { isObject, parseObject } from '../json.ts';
import { during } from '../test-time.ts';
import { startDeepgram } from './server.ts';
import type { DeepgramSimulator } from './server.ts';

const KEY = 'dg-sandbox-key-1';
const NOVA =
  '/v1/listen?model=nova-3&encoding=mulaw&sample_rate=8000&interim_results=true&endpointing=300&smart_format=true';
const FLUX =
  '/v2/listen?model=flux-general-en&encoding=mulaw&sample_rate=8000&eager_eot_threshold=0.5';

let bank: VoiceBank & AsyncDisposable;
let booking: SpeechClip;
let hesitation: SpeechClip;
let digits: SpeechClip;
beforeAll(async () => {
  bank = await createVoiceBank();
  booking = await bank.speak('Hello there, I would like to book a table.', 'rms');
  hesitation = await bank.speak('My number is', 'rms');
  digits = await bank.speak('five five nine two.', 'rms');
});
afterAll(() => bank[Symbol.asyncDispose]());

let clock = virtualClock();
let faults = createFaults();
let deepgram: DeepgramSimulator;
beforeEach(async () => {
  clock = virtualClock(Date.UTC(2026, 0, 1));
  faults = createFaults();
  deepgram = await startDeepgram({ openEar: openEar(bank), clock, keys: [KEY], faults });
});
afterEach(async () => {
  await deepgram.close();
  expect(clock.pending).toBe(0);
});

const silence = (ms: number): Buffer => Buffer.alloc(ms * 8, 0xff);

/** A plain client: what it was told, in order, and how it ended. */
async function listen(path: string, key = KEY) {
  const socket = new WebSocket(deepgram.wsUrl + path, {
    headers: { authorization: `Token ${key}` },
  });
  const messages: Record<string, unknown>[] = [];
  socket.on('message', (data: Buffer) => {
    const message = parseObject(data.toString());
    if (!message) throw new Error('not JSON');
    messages.push({ ...message });
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  await once(socket, 'open');
  return { socket, messages, closed };
}

/** Streams all audio, closes the stream and answers what was said and how it ended. */
async function transcribe(path: string, audio: readonly Buffer[], chunkBytes = 160) {
  const { socket, messages, closed } = await listen(path);
  const all = Buffer.concat(audio);
  for (let from = 0; from < all.length; from += chunkBytes)
    socket.send(all.subarray(from, from + chunkBytes));
  socket.send('{"type":"CloseStream"}');
  return { messages, end: await closed };
}

async function refusal(path: string, authorization?: string) {
  const socket = new WebSocket(deepgram.wsUrl + path, {
    headers: authorization === undefined ? {} : { authorization },
  });
  socket.on('error', () => undefined);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    socket.on('unexpected-response', (_, answer) => resolve(answer));
    socket.on('open', () => reject(new Error('it was accepted')));
  });
  let body = '';
  for await (const part of response) body += String(part);
  return { status: response.statusCode, headers: response.headers, body: parseObject(body) };
}

const ofType = (messages: readonly Record<string, unknown>[], type: string) =>
  messages.filter((message) => message['type'] === type);
const events = (messages: readonly Record<string, unknown>[]) =>
  ofType(messages, 'TurnInfo').filter((message) => message['event'] !== 'Update');
function transcriptOf(results: Record<string, unknown> | undefined): unknown {
  const channel = results?.['channel'];
  const alternatives: unknown = isObject(channel) ? channel['alternatives'] : undefined;
  const first: unknown = Array.isArray(alternatives) ? alternatives[0] : undefined;
  return isObject(first) ? first['transcript'] : undefined;
}

describe("Deepgram's SDK", () => {
  it('hears a sentence by Nova: interims, a final at the endpoint, metadata at the end', async () => {
    const client = new DeepgramClient({ apiKey: KEY, baseUrl: deepgram.wsUrl });
    const socket = await client.listen.v1.connect({
      model: 'nova-3',
      encoding: 'mulaw',
      sample_rate: 8_000,
      interim_results: 'true',
      endpointing: 300,
      punctuate: 'true',
      reconnectAttempts: 0,
    });
    const finals: string[] = [];
    let interims = 0;
    const metadata = new Promise<number>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', (message) => {
        if (message.type === 'Metadata' && 'duration' in message) resolve(message.duration);
        if (message.type !== 'Results' || !('channel' in message)) return;
        if (!('is_final' in message) || !('alternatives' in message.channel)) return;
        const text = message.channel.alternatives[0]?.transcript ?? '';
        if (!message.is_final) interims += 1;
        else if (text !== '') finals.push(text);
      });
    });
    socket.connect();
    await socket.waitForOpen();
    socket.sendMedia(clipMulaw(booking));
    socket.sendMedia(silence(1_000));
    socket.sendCloseStream({ type: 'CloseStream' });
    const durationSeconds = await metadata;
    socket.close();
    expect(finals).toEqual([booking.text]);
    expect(interims).toBeGreaterThan(3);
    expect(durationSeconds).toBeCloseTo(booking.pcm.length / 8_000 + 1, 1);
  });

  it('holds a turn by Flux: start, updates, eager end, end', async () => {
    const client = new DeepgramClient({ apiKey: KEY, baseUrl: deepgram.wsUrl });
    const socket = await client.listen.v2.connect({
      model: 'flux-general-en',
      encoding: 'mulaw',
      sample_rate: 8_000,
      eager_eot_threshold: 0.5,
      reconnectAttempts: 0,
    });
    const seen: string[] = [];
    let transcript = '';
    const ended = new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', (message) => {
        if (message.type !== 'TurnInfo' || !('event' in message)) return;
        if (message.event !== 'Update') seen.push(message.event);
        if (message.event !== 'EndOfTurn') return;
        transcript = message.transcript;
        resolve();
      });
    });
    socket.connect();
    await socket.waitForOpen();
    socket.sendMedia(clipMulaw(booking));
    socket.sendMedia(silence(500));
    await ended;
    socket.close();
    expect(seen).toEqual(['StartOfTurn', 'EagerEndOfTurn', 'EndOfTurn']);
    expect(transcript).toBe(booking.text);
  });
});

describe('Flux', () => {
  it('says the same whatever the size of the chunks', async () => {
    const audio = [silence(300), clipMulaw(booking), silence(600)];
    const strip = ({ request_id: _, ...rest }: Record<string, unknown>) => rest;
    const small = await transcribe(FLUX, audio, 137);
    const large = await transcribe(FLUX, audio, 1_000_000);
    expect(small.messages.map(strip)).toEqual(large.messages.map(strip));
  });

  it('numbers every message, and closes without a close code', async () => {
    const { messages, end } = await transcribe(FLUX, [clipMulaw(booking)]);
    expect(messages[0]).toMatchObject({ type: 'Connected', sequence_id: 0 });
    expect(messages.map((message) => message['sequence_id'])).toEqual(messages.map((_, i) => i));
    expect(end.code).toBe(1005);
    expect(messages.at(-1)).toMatchObject({ event: 'Update', transcript: booking.text });
  });

  it('confirms the end of a turn 350 ms after the last word, and guesses it after 150', async () => {
    const { messages } = await transcribe(FLUX, [clipMulaw(booking), silence(600)]);
    const lastWordEnd = (booking.words.at(-1)?.endMs ?? 0) / 1_000;
    const windowEnd = (event: string): number =>
      Number(messages.find((message) => message['event'] === event)?.['audio_window_end']);
    expect(windowEnd('EagerEndOfTurn') - lastWordEnd).toBeGreaterThanOrEqual(0.15);
    expect(windowEnd('EagerEndOfTurn') - lastWordEnd).toBeLessThan(0.2);
    expect(windowEnd('EndOfTurn') - lastWordEnd).toBeGreaterThanOrEqual(0.35);
    expect(windowEnd('EndOfTurn') - lastWordEnd).toBeLessThan(0.4);
  });

  it('waits through a hesitation, and hears both halves as one turn', async () => {
    const { messages } = await transcribe(FLUX, [
      clipMulaw(hesitation),
      silence(2_000),
      clipMulaw(digits),
      silence(600),
    ]);
    expect(events(messages).map(({ event }) => event)).toEqual([
      'StartOfTurn',
      'EagerEndOfTurn',
      'EndOfTurn',
    ]);
    expect(events(messages).at(-1)).toMatchObject({
      transcript: 'My number is five five nine two.',
      trigger: 'model',
      turn_index: 0,
    });
  });

  it('takes an eager end back when the caller goes on', async () => {
    const { messages } = await transcribe(FLUX, [
      clipMulaw(booking),
      silence(150),
      clipMulaw(digits),
      silence(600),
    ]);
    expect(events(messages).map(({ event }) => event)).toEqual([
      'StartOfTurn',
      'EagerEndOfTurn',
      'TurnResumed',
      'EagerEndOfTurn',
      'EndOfTurn',
    ]);
    expect(events(messages).at(-1)?.['transcript']).toBe(`${booking.text} ${digits.text}`);
  });

  it('ends an unfinished turn by the timeout, and counts turns', async () => {
    const { messages } = await transcribe(`${FLUX}&eot_timeout_ms=1000`, [
      clipMulaw(hesitation),
      silence(1_500),
      clipMulaw(digits),
      silence(600),
    ]);
    const ends = events(messages).filter(({ event }) => event === 'EndOfTurn');
    expect(ends).toMatchObject([
      { turn_index: 0, trigger: 'timeout', transcript: hesitation.text },
      { turn_index: 1, trigger: 'model', transcript: digits.text },
    ]);
  });

  it('hears no word in silence, and reports every 240 ms all the same', async () => {
    const { messages } = await transcribe(FLUX, [silence(1_000)]);
    expect(events(messages)).toEqual([]);
    expect(ofType(messages, 'TurnInfo').map((one) => one['audio_window_end'])).toEqual([
      0.24, 0.48, 0.72, 0.96, 1,
    ]);
  });

  it('hears linear samples at 16 kHz as well', async () => {
    const path = '/v2/listen?model=flux-general-en&encoding=linear16&sample_rate=16000';
    const { messages } = await transcribe(
      path,
      [clipPcm(booking, 16_000), Buffer.alloc(16_000 * 2)],
      1_281,
    );
    expect(events(messages).at(-1)).toMatchObject({
      event: 'EndOfTurn',
      transcript: booking.text,
    });
  });

  it('changes its thresholds by Configure, and refuses wrong ones whole', async () => {
    const { socket, messages, closed } = await listen(FLUX);
    socket.send('{"type":"Configure","thresholds":{"eot_threshold":0.9},"keyterms":["Flite"]}');
    socket.send('{"type":"Configure","thresholds":{"eager_eot_threshold":0.95}}');
    socket.send('{"type":"Configure","thresholds":{"eot_timeout":1}}');
    socket.send('{"type":"CloseStream"}');
    await closed;
    expect(messages.slice(1, 4)).toMatchObject([
      {
        type: 'ConfigureSuccess',
        thresholds: { eot_threshold: 0.9, eager_eot_threshold: 0.5, eot_timeout_ms: 5_000 },
        keyterms: ['Flite'],
        sequence_id: 1,
      },
      { type: 'ConfigureFailure', sequence_id: 2 },
      { type: 'ConfigureFailure', sequence_id: 3 },
    ]);
  });

  it.each(['{"type":"KeepAlive"}', '{"type":"ForceEndTurn"}', 'hello'])(
    'ends the stream with an error on %s',
    async (text) => {
      const { socket, messages, closed } = await listen(FLUX);
      socket.send(text);
      expect(await closed).toMatchObject({ code: 1011 });
      expect(messages.at(-1)).toMatchObject({ type: 'Error', code: 'UNPARSABLE_CLIENT_MESSAGE' });
    },
  );
});

describe('Nova', () => {
  it('says when speech begins, what is final, and when the utterance is over', async () => {
    const { messages } = await transcribe(`${NOVA}&vad_events=true&utterance_end_ms=1000`, [
      silence(500),
      clipMulaw(booking),
      silence(1_500),
    ]);
    const final = messages.find((message) => message['speech_final'] === true);
    expect(transcriptOf(final)).toBe(booking.text);
    const kinds = messages
      .filter((message) => message['is_final'] !== false)
      .map((message) => message['type']);
    expect(kinds).toEqual(['SpeechStarted', 'Results', 'UtteranceEnd', 'Results', 'Metadata']);
  });

  it('writes bare words where no format was asked for', async () => {
    const { messages } = await transcribe(
      '/v1/listen?model=nova-2&encoding=mulaw&sample_rate=8000&endpointing=300',
      [clipMulaw(booking), silence(600)],
    );
    expect(transcriptOf(messages[0])).toBe('hello there i would like to book a table');
  });

  it('answers Finalize at once with what it has', async () => {
    const { socket, messages, closed } = await listen(NOVA);
    socket.send(Buffer.concat([clipMulaw(hesitation), silence(100)]));
    socket.send('{"type":"Finalize"}');
    socket.send('{"type":"CloseStream"}');
    expect(await closed).toMatchObject({ code: 1000 });
    const answer = messages.find((message) => message['from_finalize'] === true);
    expect(answer).toMatchObject({ is_final: true });
    expect(transcriptOf(answer)).toBe(hesitation.text);
  });

  it('does not answer a Finalize with nothing behind it', async () => {
    const { socket, messages, closed } = await listen(NOVA);
    socket.send('{"type":"Finalize"}');
    socket.send('{"type":"CloseStream"}');
    await closed;
    expect(messages.map(({ type }) => type)).toEqual(['Metadata']);
  });

  it('takes an empty frame for the end', async () => {
    const { socket, messages, closed } = await listen(NOVA);
    socket.send(Buffer.alloc(0));
    expect(await closed).toMatchObject({ code: 1000 });
    expect(messages.at(-1)).toMatchObject({ type: 'Metadata' });
  });

  it('hangs up after 10 s without audio or KeepAlive, not before', async () => {
    const { socket, closed } = await listen(NOVA);
    await clock.advance(9_000);
    const ponged = once(socket, 'pong');
    socket.send('{"type":"KeepAlive"}');
    socket.ping();
    await ponged;
    await clock.advance(9_900);
    expect(deepgram.connections()[0]?.closedAtMs).toBeUndefined();
    await clock.advance(200);
    expect(await closed).toEqual({ code: 1011, reason: 'NET-0001' });
  });

  it('cannot decode audio of no named encoding, nor a message it does not know', async () => {
    const unnamed = await listen('/v1/listen?model=nova-3');
    unnamed.socket.send(silence(20));
    expect(await unnamed.closed).toEqual({ code: 1008, reason: 'DATA-0000' });
    const unknown = await listen(NOVA);
    unknown.socket.send('{"type":"Configure"}');
    expect(await unknown.closed).toEqual({ code: 1008, reason: 'DATA-0000' });
  });
});

describe('the front door of Deepgram', () => {
  it.each([undefined, 'Token wrong', `Bearer ${KEY}`, KEY, `Token ${KEY} x`])(
    'refuses the credentials %s',
    async (authorization) => {
      const { status, headers, body } = await refusal(FLUX, authorization);
      expect(status).toBe(401);
      expect(headers['dg-error']).toBe('Invalid credentials.');
      expect(body).toEqual({
        err_code: 'INVALID_AUTH',
        err_msg: 'Invalid credentials.',
        request_id: headers['dg-request-id'],
      });
    },
  );

  it('refuses a wrong query with the reason in header and body', async () => {
    const { status, headers, body } = await refusal('/v2/listen?model=flux-9', `Token ${KEY}`);
    expect(status).toBe(400);
    expect(headers['dg-error']).toContain('No such model');
    expect(body).toMatchObject({ err_code: 'Bad Request' });
  });

  it('shows whether a key works', async () => {
    const check = (key: string) =>
      fetch(`${deepgram.url}/v1/auth/token`, { headers: { authorization: `Token ${key}` } });
    expect((await check(KEY)).status).toBe(200);
    expect((await check('wrong')).status).toBe(401);
    const client = new DeepgramClient({ apiKey: KEY, baseUrl: deepgram.url });
    expect((await client.manage.v1.projects.list()).projects).toHaveLength(1);
  });
});

describe('Deepgram in trouble', () => {
  it.each([
    ['refuse', 401],
    ['quota', 402],
    ['limit', 429],
    ['server-error', 503],
  ] as const)('answers %s with %d', async (kind, status) => {
    faults.plan(1, { kind });
    expect((await refusal(FLUX, `Token ${KEY}`)).status).toBe(status);
    const { socket, closed } = await listen(FLUX);
    socket.close(1000);
    await closed;
  });

  it('can be cut off in the middle of a turn', async () => {
    faults.plan(1, { kind: 'die', afterMessages: 3 });
    const { messages, end } = await transcribe(FLUX, [clipMulaw(booking), silence(600)]);
    expect(messages).toHaveLength(3);
    expect(end.code).toBe(1006);
  });

  it('can be down, and come back on the same port', async () => {
    const { closed } = await listen(FLUX);
    await faults.set({ kind: 'down' });
    expect((await closed).code).toBe(1006);
    await expect(listen(FLUX)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await faults.set(undefined);
    const { socket, closed: closedAgain } = await listen(FLUX);
    socket.close();
    await closedAgain;
  });

  it('can fall silent on an open socket, without a pong', async () => {
    const { socket, messages } = await listen(FLUX);
    socket.ping();
    await once(socket, 'pong');
    await faults.set({ kind: 'half-open' });
    let ponged = false;
    socket.on('pong', () => {
      ponged = true;
    });
    socket.ping();
    socket.send(clipMulaw(booking));
    await during(clock, clock.sleep(200));
    expect(messages).toHaveLength(1);
    expect(ponged).toBe(false);
    socket.terminate();
  });
});
