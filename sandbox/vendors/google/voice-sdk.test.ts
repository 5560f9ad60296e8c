import type { TextToSpeechClient } from '@google-cloud/text-to-speech';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import { clipMulaw } from '../../speech/clip-audio.ts';
import { openEar } from '../../speech/ear.ts';
import type { SpeechClip, VoiceBank } from '../../speech/speech.ts';
import { createVoiceBank } from '../../speech/voice-bank.ts';
import { patiently } from '#test/support/poll.ts';
import { during } from '../test-time.ts';
import { startGoogle } from './server.ts';
import type { GoogleSimulator, StreamRecord } from './server.ts';
import { KEY, collect, synthesisConfig, voiceClient, withKey } from './test-clients.ts';

let bank: VoiceBank & AsyncDisposable;
let booked: SpeechClip;
let friday: SpeechClip;
beforeAll(async () => {
  bank = await createVoiceBank();
  booked = await bank.speak('Your table is booked.', 'slt');
  friday = await bank.speak('We will see you on Friday.', 'slt');
});
afterAll(() => bank[Symbol.asyncDispose]());

// An official client takes a second to make: all tests share one, and one simulator.
const clock = virtualClock(Date.UTC(2026, 0, 1));
const faults = createFaults();
let google: GoogleSimulator;
let speaking: TextToSpeechClient;
beforeAll(async () => {
  google = await startGoogle({
    bank,
    openEar: openEar(bank),
    brain: () => ({ text: 'Hello.' }),
    clock,
    keys: [KEY],
    faults,
  });
  speaking = voiceClient(google);
});
afterAll(async () => {
  await speaking.close();
  await google.close();
  expect(clock.pending).toBe(0);
});
/** What the simulator has of the stream that was opened last. */
const lastStream = (): StreamRecord | undefined => google.streams().at(-1);

describe("Google's Text-to-Speech SDK", () => {
  type Sound = { readonly audioContent: Buffer };
  const synthesise = (config: object = synthesisConfig, key = KEY) => {
    const stream = speaking.streamingSynthesize(withKey(key));
    const collected = collect<Sound>(stream);
    stream.write({ streamingConfig: config });
    return { stream, ...collected };
  };
  const soundOf = (messages: readonly Sound[]): Buffer =>
    Buffer.concat(messages.map(({ audioContent }) => audioContent));

  it('streams text there, and speech back', async () => {
    const { stream, messages, ended } = synthesise();
    stream.write({ input: { text: 'Your table is ' } });
    stream.write({ input: { text: 'booked. We will see you ' } });
    stream.write({ input: { text: 'on Friday.' } });
    stream.end();
    await during(clock, ended);
    expect(soundOf(messages)).toEqual(Buffer.concat([clipMulaw(booked), clipMulaw(friday)]));
  });

  it('waits for the end of a sentence, and is cut off when it waits too long', async () => {
    const { stream, messages, ended } = synthesise();
    stream.write({ input: { text: 'Your table is booked. We will' } });
    await during(clock, expect(ended).rejects.toThrow('at least every 5s'));
    expect(soundOf(messages)).toEqual(clipMulaw(booked));
  });

  it('finds the voices, all of them or those of a language', async () => {
    const [english] = await speaking.listVoices({ languageCode: 'en-US' }, withKey());
    expect(english.voices?.map(({ name }) => name)).toContain('en-US-Chirp3-HD-Kore');
    expect(english.voices?.every((one) => one.languageCodes?.[0] === 'en-US')).toBe(true);
    const [all] = await speaking.listVoices({}, withKey());
    expect(all.voices?.length).toBeGreaterThan(english.voices?.length ?? Infinity);
  });

  it.each([
    [
      'an unknown voice',
      { voice: { ...synthesisConfig.voice, name: 'en-US-Chirp3-HD-Bob' } },
      'does not exist',
    ],
    [
      'a voice of another language',
      { voice: { ...synthesisConfig.voice, languageCode: 'de-DE' } },
      "doesn't match",
    ],
    [
      'a voice that cannot be streamed',
      { voice: { ...synthesisConfig.voice, name: 'en-US-Neural2-A' } },
      'only Chirp 3: HD',
    ],
    [
      'a file format',
      { ...synthesisConfig, streamingAudioConfig: { audioEncoding: 'MP3' } },
      'Supported: PCM',
    ],
    ['no voice', {}, 'must contain a voice'],
  ])('is refused %s', async (_, config, reason) => {
    const { ended } = synthesise(config);
    await expect(ended).rejects.toMatchObject({ code: 3 });
    await expect(ended).rejects.toThrow(reason);
  });

  it('is refused a second configuration, and text before the first', async () => {
    const twice = synthesise();
    twice.stream.write({ streamingConfig: synthesisConfig });
    await expect(twice.ended).rejects.toThrow('must contain input');
    const stream = speaking.streamingSynthesize(withKey());
    const { ended } = collect(stream);
    stream.write({ input: { text: 'Hello.' } });
    await expect(ended).rejects.toThrow('must contain the streaming config');
  });

  it('stops the voice when it cancels', async () => {
    const { stream, messages, ended } = synthesise();
    stream.write({ input: { text: 'Your table is booked. '.repeat(20) } });
    while (messages.length === 0) await during(clock, clock.sleep(10));
    stream.cancel();
    await expect.poll(() => lastStream()?.closedAtMs, patiently).toBeDefined();
    await expect(ended).rejects.toMatchObject({ code: 1 });
    expect(clock.pending).toBe(0);
  });
});

describe('what is not played', () => {
  it('is said to be unimplemented, and an unknown path of HTTP is not found', async () => {
    await expect(
      speaking.synthesizeSpeech(
        { input: { text: 'Hi.' }, voice: { languageCode: 'en-US' }, audioConfig: {} },
        withKey(),
      ),
    ).rejects.toMatchObject({ code: 12 });
    const answer = await fetch(`${google.url}/v1/speech:recognize`, {
      headers: { 'x-goog-api-key': KEY },
    });
    expect(answer.status).toBe(404);
  });

  it('is anything that is neither HTTP nor gRPC', async () => {
    const answer = await fetch(google.url, { method: 'POST', body: 'PRI' });
    expect(answer.status).toBe(403);
  });
});
