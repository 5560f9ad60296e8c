import { once } from 'node:events';
import { DeepgramClient } from '@deepgram/sdk';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import { clipMulaw } from '../../speech/clip-audio.ts';
import { openEar } from '../../speech/ear.ts';
import type { SpeechClip, VoiceBank } from '../../speech/speech.ts';
import { createVoiceBank } from '../../speech/voice-bank.ts';
import { during } from '../test-time.ts';
import { startDeepgram } from './server.ts';
import type { DeepgramSimulator } from './server.ts';
import { FLUX, KEY, NOVA, listen, refusal, silence, transcribe } from './test-client.ts';

let bank: VoiceBank & AsyncDisposable;
let booking: SpeechClip;
beforeAll(async () => {
  bank = await createVoiceBank();
  booking = await bank.speak('Hello there, I would like to book a table.', 'rms');
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

describe('the front door of Deepgram', () => {
  it.each([undefined, 'Token wrong', `Bearer ${KEY}`, KEY, `Token ${KEY} x`])(
    'refuses the credentials %s',
    async (authorization) => {
      const { status, headers, body } = await refusal(deepgram, FLUX, authorization);
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
    const { status, headers, body } = await refusal(
      deepgram,
      '/v2/listen?model=flux-9',
      `Token ${KEY}`,
    );
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
    expect((await refusal(deepgram, FLUX, `Token ${KEY}`)).status).toBe(status);
    const { socket, closed } = await listen(deepgram, FLUX);
    socket.close(1000);
    await closed;
  });

  it('can be cut off in the middle of a turn', async () => {
    faults.plan(1, { kind: 'die', afterMessages: 3 });
    const { messages, end } = await transcribe(deepgram, FLUX, [clipMulaw(booking), silence(600)]);
    expect(messages).toHaveLength(3);
    expect(end.code).toBe(1006);
  });

  it('can report a failure in the middle of a turn, each version in its way', async () => {
    faults.plan(1, { kind: 'fail', afterMessages: 2 });
    const flux = await transcribe(deepgram, FLUX, [clipMulaw(booking)]);
    expect(flux.messages.at(-1)).toMatchObject({ type: 'Error', sequence_id: 2 });
    faults.plan(1, { kind: 'fail', afterMessages: 2 });
    const nova = await transcribe(deepgram, NOVA, [clipMulaw(booking)]);
    expect(nova.messages).toHaveLength(2);
    expect(nova.end).toEqual({ code: 1011, reason: 'NET-0000' });
  });

  it('can be down, and come back on the same port', async () => {
    const { closed } = await listen(deepgram, FLUX);
    await faults.set({ kind: 'down' });
    expect((await closed).code).toBe(1006);
    await expect(listen(deepgram, FLUX)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await faults.set(undefined);
    const { socket, closed: closedAgain } = await listen(deepgram, FLUX);
    socket.close();
    await closedAgain;
  });

  it('can fall silent on an open socket, without a pong', async () => {
    const { socket, messages } = await listen(deepgram, FLUX);
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
