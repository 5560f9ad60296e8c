import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import type { SpeechClip, VoiceBank } from '../../speech/speech.ts';
import { createVoiceBank } from '../../speech/voice-bank.ts';
import { during } from '../test-time.ts';
import { startElevenLabs } from './server.ts';
import type { ElevenLabsSimulator } from './server.ts';
import { KEY, SARAH, isAudio, isFinal, open, phone } from './test-client.ts';

let bank: VoiceBank & AsyncDisposable;
let clip: SpeechClip;
beforeAll(async () => {
  bank = await createVoiceBank();
  clip = await bank.speak('Your table is booked.', 'slt');
});
afterAll(() => bank[Symbol.asyncDispose]());

let clock = virtualClock();
let faults = createFaults();
let elevenlabs: ElevenLabsSimulator;
beforeEach(async () => {
  clock = virtualClock(Date.UTC(2026, 0, 1));
  faults = createFaults();
  elevenlabs = await startElevenLabs({ bank, clock, keys: [KEY], faults });
});
afterEach(async () => {
  await elevenlabs.close();
  expect(elevenlabs.activeContexts()).toBe(0);
  expect(clock.pending).toBe(0);
});

describe('the front door of ElevenLabs', () => {
  it.each([
    ['an unknown voice', {}, { voice: 'nobody' }, 'voice_id_does_not_exist'],
    ['an unknown model', { model_id: 'eleven_nonsense' }, {}, 'model_not_found'],
    ['a model of another socket', { model_id: 'eleven_v3' }, {}, 'unsupported_model'],
    ['no format for a phone', { output_format: 'ulaw_16000' }, {}, 'invalid_output_format'],
    [
      'a language the model cannot be told',
      { model_id: 'eleven_multilingual_v2', language_code: 'en' },
      {},
      'unsupported_language',
    ],
    ['a locale', { language_code: 'en-US' }, {}, 'unsupported_language'],
    ['a flag that is none', { auto_mode: '1' }, {}, 'invalid_parameters'],
    ['too much patience', { inactivity_timeout: '600' }, {}, 'invalid_parameters'],
    ['a wrong key', {}, { headers: { 'xi-api-key': 'sk_wrong' } }, 'invalid_api_key'],
  ])('closes a socket with %s', async (_, query, options, error) => {
    const { closed, messages } = await open(elevenlabs, clock, { ...phone, ...query }, options);
    const [code, reason] = await closed;
    expect(code).toBe(1_008);
    expect(messages).toMatchObject([{ error, code: 1_008 }]);
    expect(String(messages[0]?.['message'])).toContain(reason);
  });

  it.each([
    ['no JSON', 'hello'],
    ['a field in camel case', { text: 'Hi. ', contextId: 'c' }],
    ['a wrong type', { text: 5, context_id: 'c' }],
    ['a setting out of range', { text: ' ', context_id: 'c', voice_settings: { speed: 3 } }],
    ['a keep-alive of nothing', { text: '', context_id: 'c' }],
  ])('closes a socket on which it reads %s', async (_, message) => {
    const { socket, closed, messages } = await open(elevenlabs, clock);
    socket.send(typeof message === 'string' ? message : JSON.stringify(message));
    expect((await closed)[0]).toBe(1_008);
    expect(messages).toMatchObject([{ error: 'invalid_message' }]);
  });

  it('takes settings with the first message of a context only', async () => {
    const { send, closed } = await open(elevenlabs, clock);
    const voice_settings = { stability: 0.5 };
    send({ text: ' ', context_id: 'c', voice_settings });
    send({ text: 'Hi. ', context_id: 'c', voice_settings });
    expect((await closed)[0]).toBe(1_008);
  });

  it('takes the key from the first message where the handshake had none', async () => {
    const { send, until, socket } = await open(elevenlabs, clock, phone, { headers: {} });
    send({ text: `${clip.text} `, context_id: 'c', xi_api_key: KEY });
    await until(isAudio('c'));
    socket.close();
    const other = await open(elevenlabs, clock, phone, { headers: {} });
    other.send({ text: `${clip.text} `, context_id: 'c' });
    expect((await other.closed)[0]).toBe(1_008);
  });

  it('closes the whole socket when a sixth context is opened on it', async () => {
    const { send, closed, messages } = await open(elevenlabs, clock);
    for (const context_id of ['1', '2', '3', '4', '5']) send({ text: ' ', context_id });
    await expect.poll(() => elevenlabs.activeContexts()).toBe(5);
    // Even a flush of nothing opens one.
    send({ context_id: '6', flush: true });
    expect((await closed)[0]).toBe(1_008);
    expect(messages).toMatchObject([{ error: 'max_active_conversations' }]);
  });

  it('counts a context until it is final', async () => {
    const { send, until, socket } = await open(elevenlabs, clock);
    for (const context_id of ['1', '2', '3', '4', '5'])
      send({ text: `${clip.text} `, context_id, flush: true });
    send({ context_id: '1', close_context: true });
    await until(isFinal('1'));
    expect(elevenlabs.activeContexts()).toBe(4);
    send({ text: `${clip.text} `, context_id: '6', flush: true });
    await until(isAudio('6'));
    socket.close();
  });

  it.each([
    ['20 seconds', phone, 20_000],
    ['as long as it was told', { ...phone, inactivity_timeout: '60' }, 60_000],
  ])('closes a socket on which it reads nothing for %s', async (_, query, timeoutMs) => {
    const { closed, messages } = await open(elevenlabs, clock, query);
    await clock.advance(timeoutMs - 1);
    expect(elevenlabs.connections()[0]?.closedAtMs).toBeUndefined();
    await clock.advance(1);
    expect((await closed)[0]).toBe(1_008);
    expect(messages).toMatchObject([{ error: 'input_timeout_exceeded' }]);
  });
});

describe('ElevenLabs in trouble', () => {
  it.each([
    ['refuse', 'invalid_api_key'],
    ['quota', 'quota_exceeded'],
    ['limit', 'too_many_concurrent_requests'],
    ['server-error', 'internal_error'],
  ] as const)('answers a context with %s', async (kind, error) => {
    faults.plan(1, { kind });
    const { send, closed, messages } = await open(elevenlabs, clock);
    send({ text: `${clip.text} `, context_id: 'c' });
    expect((await closed)[0]).toBe(1_008);
    expect(messages).toMatchObject([{ error }]);
  });

  it('can die in the middle of a sentence', async () => {
    faults.plan(1, { kind: 'die', afterMessages: 3 });
    const { send, messages, closed } = await open(elevenlabs, clock);
    send({ text: `${clip.text} `, context_id: 'c' });
    expect((await during(clock, closed))[0]).toBe(1_006);
    expect(messages).toHaveLength(3);
  });

  it('can report a failure in the middle of a sentence', async () => {
    faults.plan(1, { kind: 'fail', afterMessages: 2 });
    const { send, messages, closed } = await open(elevenlabs, clock);
    send({ text: `${clip.text} `, context_id: 'c' });
    expect((await during(clock, closed))[0]).toBe(1_008);
    expect(messages.at(-1)).toMatchObject({ error: 'internal_error' });
  });

  it('shows an empty account to who asks, and speaks for it no more', async () => {
    await faults.set({ kind: 'quota' });
    const headers = { 'xi-api-key': KEY, 'content-type': 'application/json' };
    const account = await fetch(`${elevenlabs.url}/v1/user/subscription`, { headers });
    expect(await account.json()).toMatchObject({
      character_count: 10_000,
      character_limit: 10_000,
    });
    const speech = await fetch(
      `${elevenlabs.url}/v1/text-to-speech/${SARAH}/stream?output_format=ulaw_8000`,
      { method: 'POST', headers, body: JSON.stringify({ text: clip.text }) },
    );
    expect(speech.status).toBe(401);
    expect(await speech.json()).toMatchObject({ detail: { status: 'quota_exceeded' } });
  });
});
