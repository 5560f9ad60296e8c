import { createRequire } from 'node:module';
import { once } from 'node:events';
import { credentials } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import { clipMulaw, silence } from '../../speech/clip-audio.ts';
import { openEar } from '../../speech/ear.ts';
import type { SpeechClip, VoiceBank } from '../../speech/speech.ts';
import { createVoiceBank } from '../../speech/voice-bank.ts';
import { during } from '../test-time.ts';
import { startGoogle } from './server.ts';
import type { GoogleSimulator } from './server.ts';

const require = createRequire(import.meta.url);
const speech: typeof import('@google-cloud/speech') = require('@google-cloud/speech');
const tts: typeof import('@google-cloud/text-to-speech') = require('@google-cloud/text-to-speech');

const KEY = 'AIzaSandbox-0123456789abcdef0123456789a';
const PHONE = { encoding: 'mulaw', sampleRateHz: 8_000 } as const;

let bank: VoiceBank & AsyncDisposable;
let booked: SpeechClip;
let friday: SpeechClip;
beforeAll(async () => {
  bank = await createVoiceBank();
  booked = await bank.speak('Your table is booked.', 'slt');
  friday = await bank.speak('We will see you on Friday.', 'slt');
});
afterAll(() => bank[Symbol.asyncDispose]());

let clock = virtualClock();
let faults = createFaults();
let google: GoogleSimulator;
const closing: (() => Promise<void>)[] = [];
beforeEach(async () => {
  clock = virtualClock(Date.UTC(2026, 0, 1));
  faults = createFaults();
  google = await startGoogle({
    bank,
    openEar: openEar(bank),
    brain: () => ({ text: 'Hello.' }),
    clock,
    keys: [KEY],
    faults,
  });
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await google.close();
  expect(clock.pending).toBe(0);
});

/** Options that turn an official client to the sandbox. With credentials of its own it sends no key by itself. */
const local = () => ({
  apiEndpoint: '127.0.0.1',
  port: Number(new URL(google.url).port),
  sslCreds: credentials.createInsecure(),
  apiKey: KEY,
});
const withKey = (key = KEY) => ({ otherArgs: { headers: { 'x-goog-api-key': key } } });

describe("Google's Speech-to-Text SDK", () => {
  const client = () => {
    const made = new speech.v1.SpeechClient(local());
    closing.push(() => made.close());
    return made;
  };
  const config = {
    encoding: 'MULAW',
    sampleRateHertz: 8_000,
    languageCode: 'en-US',
    model: 'telephony',
    enableAutomaticPunctuation: true,
    enableWordTimeOffsets: true,
  } as const;

  it('streams audio there, and interims and finals back', async () => {
    const stream = client().streamingRecognize({ config, interimResults: true }, withKey());
    const results: { text: string; isFinal: boolean }[] = [];
    stream.on(
      'data',
      (response: { results: { isFinal: boolean; alternatives: { transcript: string }[] }[] }) => {
        const text = response.results.map((one) => one.alternatives[0]?.transcript ?? '').join('');
        results.push({ text, isFinal: response.results[0]?.isFinal ?? false });
      },
    );
    const ended = once(stream, 'end');
    for (const audio of [clipMulaw(booked), silence(1_000, PHONE), clipMulaw(friday)])
      for (let at = 0; at < audio.length; at += 800) stream.write(audio.subarray(at, at + 800));
    stream.end();
    await ended;
    expect(results.filter(({ isFinal }) => isFinal).map(({ text }) => text)).toEqual([
      'Your table is booked.',
      ' We will see you on Friday.',
    ]);
  });
});

describe("Google's Text-to-Speech SDK", () => {
  it('streams text there, and speech back', async () => {
    const client = new tts.TextToSpeechClient(local());
    closing.push(() => client.close());
    const stream = client.streamingSynthesize(withKey());
    const audio: Buffer[] = [];
    stream.on('data', (response: { audioContent: Buffer }) => audio.push(response.audioContent));
    const ended = once(stream, 'end');
    stream.write({
      streamingConfig: {
        voice: { languageCode: 'en-US', name: 'en-US-Chirp3-HD-Kore' },
        streamingAudioConfig: { audioEncoding: 'MULAW', sampleRateHertz: 8_000 },
      },
    });
    stream.write({ input: { text: 'Your table is ' } });
    stream.write({ input: { text: 'booked. We will see you ' } });
    stream.write({ input: { text: 'on Friday.' } });
    stream.end();
    await during(clock, ended);
    expect(Buffer.concat(audio)).toEqual(Buffer.concat([clipMulaw(booked), clipMulaw(friday)]));
  });
});
