import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Spoken, TextToSpeech, Utterance } from '#contracts/text-to-speech.ts';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '#sandbox/faults.ts';
import { clipMulaw } from '#sandbox/speech/clip-audio.ts';
import { openEar } from '#sandbox/speech/ear.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import { startGoogle } from '#sandbox/vendors/google/server.ts';
import type { GoogleSimulator } from '#sandbox/vendors/google/server.ts';
import { during } from '#sandbox/vendors/test-time.ts';
import { patiently } from '#test/support/poll.ts';
import { recorder } from '#test/support/recorder.ts';
import type { Recorder } from '#test/support/recorder.ts';
import { audioOf, isEnd } from '#test/support/speaking.ts';
import { googleTextToSpeech } from './text-to-speech.ts';

const KEY = 'AIzaSandbox-f00dfeedf00dfeed';
const VOICE = 'Kore';

let bank: Awaited<ReturnType<typeof createVoiceBank>>;
let booked: Buffer;
let friday: Buffer;
beforeAll(async () => {
  bank = await createVoiceBank();
  booked = clipMulaw(await bank.speak('Your table is booked.', 'slt'));
  friday = clipMulaw(await bank.speak('We will see you on Friday.', 'slt'));
});
afterAll(() => bank[Symbol.asyncDispose]());

/** The vendor and its simulator live in the same virtual time. */
describe('an utterance of Google', () => {
  let simulator: GoogleSimulator;
  let faults: ReturnType<typeof createFaults>;
  let clock: VirtualClock;
  let vendor: TextToSpeech;
  beforeEach(async () => {
    clock = virtualClock();
    faults = createFaults();
    simulator = await startGoogle({
      bank,
      openEar: openEar(bank),
      brain: () => ({}),
      clock,
      keys: [KEY],
      faults,
    });
    vendor = googleTextToSpeech({ apiKey: KEY, baseUrl: simulator.url, clock, log: silentLog });
  });
  afterEach(async () => {
    vendor.close();
    await simulator.close();
    expect(clock.pending).toBe(0);
  });

  const speak = (voice = VOICE): { spoken: Recorder<Spoken>; utterance: Utterance } => {
    const spoken = recorder<Spoken>();
    return { spoken, utterance: vendor.speak({ voice, language: 'en' }, spoken.on) };
  };
  const untilStreams = (count: number): Promise<void> =>
    expect.poll(() => simulator.streams().length, patiently).toBe(count);

  test('is one stream, opened by its first whole sentence', async () => {
    const { spoken, utterance } = speak();
    utterance.push('Your table ');
    utterance.push('is booked');
    await clock.advance(1_000);
    expect(simulator.streams()).toEqual([]);
    utterance.push('. We will see you ');
    utterance.push('on Friday.');
    utterance.finish();
    await during(clock, spoken.until(isEnd));
    expect(Buffer.from(audioOf(spoken))).toEqual(Buffer.concat([booked, friday]));
    // Its configuration and one message for each sentence.
    expect(simulator.streams().map(({ messages }) => messages)).toEqual([3]);
  });

  test('goes on in a new stream after a pause that the service would not bear', async () => {
    const { spoken, utterance } = speak();
    utterance.push('Your table is booked. ');
    await untilStreams(1);
    await during(
      clock,
      spoken.until(({ type }) => type === 'audio'),
    );
    await during(clock, clock.sleep(20_000), 100);
    await expect.poll(() => simulator.streams()[0]?.closedAtMs, patiently).toBeDefined();
    utterance.push('We will see you on Friday.');
    utterance.finish();
    expect((await during(clock, spoken.until(isEnd))).type).toBe('done');
    expect(Buffer.from(audioOf(spoken))).toEqual(Buffer.concat([booked, friday]));
    expect(simulator.streams()).toHaveLength(2);
  });

  test('keeps its order even if the first stream is still speaking when the second one is', async () => {
    // Slower than the text comes: the first sentence takes longer than the pause.
    simulator.timing.firstSpeechMs = 4_500;
    const { spoken, utterance } = speak();
    utterance.push('Your table is booked. ');
    await untilStreams(1);
    await clock.advance(4_000);
    simulator.timing.firstSpeechMs = 10;
    utterance.push('We will see you on Friday.');
    utterance.finish();
    await untilStreams(2);
    await during(clock, spoken.until(isEnd));
    expect(Buffer.from(audioOf(spoken))).toEqual(Buffer.concat([booked, friday]));
  });

  test.each([
    ['Charon', 'rms'],
    ['en-GB-Chirp3-HD-Fenrir', 'awb'],
  ])('%s is spoken by the voice of that name', async (voice, bankVoice) => {
    const { spoken, utterance } = speak(voice);
    utterance.push('Your table is booked.');
    utterance.finish();
    await during(clock, spoken.until(isEnd));
    const clip = await bank.speak('Your table is booked.', bankVoice);
    expect(Buffer.from(audioOf(spoken))).toEqual(clipMulaw(clip));
  });

  test('in a voice that cannot be streamed fails with the reason', async () => {
    const { spoken, utterance } = speak('en-US-Neural2-A');
    utterance.push('Your table is booked.');
    const end = await during(clock, spoken.until(isEnd));
    expect(end).toMatchObject({ failure: { code: 'invalid' } });
    expect(JSON.stringify(end)).toContain('Chirp 3: HD');
  });

  test('whose stream the service ends too early has failed', async () => {
    faults.plan(1, { kind: 'die', afterMessages: 1 });
    const { spoken, utterance } = speak();
    utterance.push('Your table is booked.');
    expect(await during(clock, spoken.until(isEnd))).toMatchObject({ failure: { code: 'closed' } });
  });
});
