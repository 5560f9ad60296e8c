import { ElevenLabsClient } from '@elevenlabs/elevenlabs-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import type { VoiceBank } from '../../speech/speech.ts';
import { createVoiceBank } from '../../speech/voice-bank.ts';
import { during } from '../test-time.ts';
import { startElevenLabs } from './server.ts';
import type { ElevenLabsSimulator } from './server.ts';
import { KEY, SARAH, heard } from './test-client.ts';

let bank: VoiceBank & AsyncDisposable;
beforeAll(async () => void (bank = await createVoiceBank()));
afterAll(() => bank[Symbol.asyncDispose]());

const TEXT = 'Your table is booked. We will see you on Friday.';
const request = { text: TEXT, modelId: 'eleven_flash_v2_5', outputFormat: 'ulaw_8000' } as const;

let clock = virtualClock();
let faults = createFaults();
let elevenlabs: ElevenLabsSimulator;
let client: ElevenLabsClient;
beforeEach(async () => {
  clock = virtualClock(Date.UTC(2026, 0, 1));
  faults = createFaults();
  elevenlabs = await startElevenLabs({ bank, clock, keys: [KEY], faults });
  client = new ElevenLabsClient({ apiKey: KEY, baseUrl: elevenlabs.url, maxRetries: 0 });
});
afterEach(async () => {
  await elevenlabs.close();
  expect(clock.pending).toBe(0);
});

async function read(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

describe("ElevenLabs' SDK", () => {
  it('streams speech, and gets it as a whole', async () => {
    const speak = async (way: 'stream' | 'convert') =>
      read(await client.textToSpeech[way](SARAH, request));
    expect(heard(bank, await during(clock, speak('stream')))).toBe(TEXT);
    expect(heard(bank, await during(clock, speak('convert')))).toBe(TEXT);
  });

  it('gets the times of all characters, piece by piece or at once', async () => {
    const whole = await during(clock, client.textToSpeech.convertWithTimestamps(SARAH, request));
    expect(heard(bank, Buffer.from(whole.audioBase64, 'base64'))).toBe(TEXT);
    expect(whole.alignment?.characters.join('')).toBe(TEXT);

    const audio: Buffer[] = [];
    const characters: string[] = [];
    const starts: number[] = [];
    await during(
      clock,
      (async () => {
        for await (const piece of await client.textToSpeech.streamWithTimestamps(SARAH, request)) {
          audio.push(Buffer.from(piece.audioBase64, 'base64'));
          characters.push(...(piece.alignment?.characters ?? []));
          starts.push(...(piece.alignment?.characterStartTimesSeconds ?? []));
        }
      })(),
    );
    expect(heard(bank, Buffer.concat(audio))).toBe(TEXT);
    expect(characters.join('')).toBe(TEXT);
    expect(starts).toEqual(whole.alignment?.characterStartTimesSeconds);
  });

  it('sees its account and the models', async () => {
    expect(await client.user.get()).toMatchObject({ subscription: { characterLimit: 10_000 } });
    expect(await client.user.subscription.get()).toMatchObject({ characterCount: 17 });
    expect((await client.models.list()).map(({ modelId }) => modelId)).toContain(request.modelId);
  });

  it('understands every refusal', async () => {
    const ask = (change: object = {}, voice = SARAH) =>
      during(clock, client.textToSpeech.stream(voice, { ...request, ...change }));
    const wrong = new ElevenLabsClient({ apiKey: 'sk_wrong', baseUrl: elevenlabs.url });
    await expect(wrong.user.get()).rejects.toMatchObject({
      statusCode: 401,
      body: { detail: { status: 'invalid_api_key' } },
    });
    await expect(ask({ text: '' })).rejects.toMatchObject({ statusCode: 422 });
    await expect(ask({ modelId: 'eleven_nonsense' })).rejects.toMatchObject({ statusCode: 404 });
    await expect(ask({}, 'nobody')).rejects.toMatchObject({
      statusCode: 404,
      body: { detail: { status: 'voice_id_does_not_exist' } },
    });
    faults.plan(1, { kind: 'quota' });
    await expect(ask()).rejects.toMatchObject({
      statusCode: 401,
      body: { detail: { status: 'quota_exceeded' } },
    });
    faults.plan(1, { kind: 'limit' });
    await expect(ask()).rejects.toMatchObject({ statusCode: 429 });
    faults.plan(1, { kind: 'server-error' });
    await expect(ask()).rejects.toMatchObject({ statusCode: 500 });
  });

  it('notices speech that is broken off', async () => {
    faults.plan(1, { kind: 'die', afterMessages: 1 });
    const speak = async () => read(await client.textToSpeech.stream(SARAH, request));
    await expect(during(clock, speak())).rejects.toThrow();
  });
});
