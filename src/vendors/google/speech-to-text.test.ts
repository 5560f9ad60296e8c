import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import { createFaults } from '#sandbox/faults.ts';
import { clipMulaw, silence } from '#sandbox/speech/clip-audio.ts';
import { openEar } from '#sandbox/speech/ear.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import { startGoogle } from '#sandbox/vendors/google/server.ts';
import type { GoogleSimulator } from '#sandbox/vendors/google/server.ts';
import { speechToTextContract } from '#test/contracts/speech-to-text.ts';
import type { HearingWorld } from '#test/contracts/speech-to-text.ts';
import { googleSpeechToText } from './speech-to-text.ts';

const PHONE = { encoding: 'mulaw', sampleRateHz: 8_000 } as const;
const KEY = 'AIzaSandbox-f00dfeedf00dfeed';

let bank: Awaited<ReturnType<typeof createVoiceBank>>;
beforeAll(async () => void (bank = await createVoiceBank()));
afterAll(() => bank[Symbol.asyncDispose]());

describe('Google Speech-to-Text', () => {
  let simulator: GoogleSimulator;
  let faults: ReturnType<typeof createFaults>;
  beforeEach(async () => {
    faults = createFaults();
    simulator = await startGoogle({
      bank,
      openEar: openEar(bank),
      brain: () => ({}),
      clock: systemClock,
      keys: [KEY],
      faults,
    });
  });
  afterEach(() => simulator.close());

  speechToTextContract((): HearingWorld => ({
    apiKey: KEY,
    open: (options) => googleSpeechToText({ ...options, baseUrl: simulator.url }),
    async say(text) {
      const clip = await bank.speak(text, 'slt');
      return Buffer.concat([silence(300, PHONE), clipMulaw(clip), silence(2_000, PHONE)]);
    },
    setFault: (fault) => faults.set(fault),
    openConnections: () => simulator.streams().filter((one) => one.closedAtMs === undefined).length,
  }));
});

describe('the default model', () => {
  test.each([
    [undefined, 'telephony'],
    ['de-AT', 'telephony'],
    ['uk', 'default'],
  ])('for language %s is %s', (language, model) => {
    const vendor = googleSpeechToText({
      apiKey: KEY,
      baseUrl: 'https://googleapis.com',
      clock: systemClock,
      log: silentLog,
      language,
    });
    expect(vendor.model).toBe(model);
    vendor.close();
  });
});
