import type { IncomingMessage } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import { clipMulaw } from '../../speech/clip-audio.ts';
import type { SpeechClip, VoiceBank } from '../../speech/speech.ts';
import { createVoiceBank } from '../../speech/voice-bank.ts';
import { during } from '../test-time.ts';
import { startCartesia } from './server.ts';
import type { CartesiaSimulator } from './server.ts';
import { KEY, audioOf, base, headers, isType, open } from './test-client.ts';

let bank: VoiceBank & AsyncDisposable;
let first: SpeechClip;

beforeAll(async () => {
  bank = await createVoiceBank();
  first = await bank.speak('Your table is booked.', 'slt');
});
afterAll(() => bank[Symbol.asyncDispose]());

let clock = virtualClock();
let faults = createFaults();
let cartesia: CartesiaSimulator;
beforeEach(async () => {
  clock = virtualClock(Date.UTC(2026, 0, 1));
  faults = createFaults();
  cartesia = await startCartesia({ bank, clock, keys: [KEY], faults, maxContexts: 2 });
});
afterEach(async () => {
  await cartesia.close();
  expect(cartesia.activeContexts()).toBe(0);
  expect(clock.pending).toBe(0);
});

describe('the front door of Cartesia', () => {
  it.each([
    ['no JSON', 'hello', 400],
    ['no context', { ...base, transcript: 'Hi.' }, 400],
    ['an unknown model', { ...base, model_id: 'sonic-9', context_id: 'c', transcript: 'Hi.' }, 404],
    ['an unknown voice', { ...base, voice: KEY, context_id: 'c', transcript: 'Hi.' }, 404],
    ['an embedding', { ...base, voice: { embedding: [] }, context_id: 'c', transcript: '' }, 400],
    ['no text at all', { ...base, context_id: 'c', transcript: '' }, 400],
    [
      'a flush with text',
      { ...base, context_id: 'c', transcript: 'Hi.', continue: true, flush: true },
      400,
    ],
    [
      'a delay out of range',
      { ...base, context_id: 'c', transcript: 'Hi.', max_buffer_delay_ms: 6_000 },
      400,
    ],
    [
      'a container',
      { ...base, output_format: { container: 'wav' }, context_id: 'c', transcript: 'Hi.' },
      400,
    ],
    [
      'a language and a locale',
      { ...base, locale: 'en-GB', context_id: 'c', transcript: 'a' },
      400,
    ],
    ['a field it does not know', { ...base, context_id: 'c', transcript: 'a', text: 'a' }, 400],
  ])('refuses %s', async (_, message, status) => {
    const { socket, until } = await open(cartesia, clock);
    socket.send(typeof message === 'string' ? message : JSON.stringify(message));
    expect(await until(isType('error'))).toMatchObject({ status_code: status, done: true });
    socket.close();
  });

  const refusal = async (given: Readonly<Record<string, string>>): Promise<number | undefined> => {
    const socket = new WebSocket(`${cartesia.wsUrl}/tts/websocket`, { headers: given });
    socket.on('error', () => undefined);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      socket.on('unexpected-response', (_, answer) => resolve(answer));
      socket.on('open', () => reject(new Error('it was accepted')));
    });
    response.resume();
    return response.statusCode;
  };

  it('wants a key and a version', async () => {
    expect(await refusal({ 'cartesia-version': '2026-08-14' })).toBe(401);
    expect(await refusal({ ...headers, authorization: 'Bearer wrong' })).toBe(401);
    expect(await refusal({ authorization: `Bearer ${KEY}` })).toBe(400);
    expect(await refusal({ ...headers, 'cartesia-version': 'latest' })).toBe(400);
  });

  it('shows whether a key works', async () => {
    const check = (given: Readonly<Record<string, string>>) =>
      fetch(`${cartesia.url}/voices?limit=1`, { headers: given });
    expect((await check(headers)).status).toBe(200);
    expect((await check({ 'x-api-key': KEY, 'cartesia-version': '2026-08-14' })).status).toBe(200);
    const refused = await check({ ...headers, authorization: 'Bearer wrong' });
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({ title: 'Unauthorized' });
  });

  it('closes a socket on which nothing has moved for five minutes', async () => {
    const { closed } = await open(cartesia, clock);
    await clock.advance(299_000);
    expect(cartesia.connections()[0]?.closedAtMs).toBeUndefined();
    await clock.advance(1_000);
    expect(await closed).toBe(1000);
  });
});

describe('Cartesia in trouble', () => {
  it.each([
    ['refuse', 401],
    ['quota', 402],
    ['limit', 429],
    ['server-error', 500],
  ] as const)('answers a context with %s', async (kind, status) => {
    faults.plan(1, { kind });
    const { send, until, socket } = await open(cartesia, clock);
    send({ ...base, context_id: 'c', transcript: first.text });
    expect(await until(isType('error'))).toMatchObject({ status_code: status, context_id: 'c' });
    socket.close();
  });

  it('can die in the middle of a sentence', async () => {
    faults.plan(1, { kind: 'die', afterMessages: 4 });
    const { send, messages, closed } = await open(cartesia, clock);
    send({ ...base, context_id: 'c', transcript: first.text });
    expect(await during(clock, closed)).toBe(1006);
    expect(messages).toHaveLength(4);
  });

  it('can report a failure in the middle of a sentence', async () => {
    faults.plan(1, { kind: 'fail', afterMessages: 2 });
    const { send, until, messages, socket } = await open(cartesia, clock);
    send({ ...base, context_id: 'c', transcript: first.text });
    expect(await until(isType('error'))).toMatchObject({ status_code: 500, context_id: 'c' });
    await during(clock, clock.sleep(1_000));
    expect(messages).toHaveLength(3);
    socket.close();
  });

  it('can be slow', async () => {
    faults.plan(1, { kind: 'slow', delayMs: 2_000 });
    const { send, until, messages, socket } = await open(cartesia, clock);
    send({ ...base, context_id: 'c', transcript: first.text });
    await during(clock, clock.sleep(1_500));
    expect(messages).toEqual([]);
    await until(isType('done'));
    expect(audioOf(messages, 'c')).toEqual(clipMulaw(first));
    socket.close();
  });
});
