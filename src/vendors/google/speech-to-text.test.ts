import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import { createFaults } from '#sandbox/faults.ts';
import { openEar } from '#sandbox/speech/ear.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import { startGoogle } from '#sandbox/vendors/google/server.ts';
import type { GoogleSimulator } from '#sandbox/vendors/google/server.ts';
import { speechToTextContract } from '#test/contracts/speech-to-text.ts';
import type { HearingWorld } from '#test/contracts/speech-to-text.ts';
import { HEARD_FORMATS, saidInSilence } from '#test/support/formats.ts';
import { googleSpeechToText } from './speech-to-text.ts';

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

  describe.each(HEARD_FORMATS)('hearing %s', (_, audio) => {
    speechToTextContract((): HearingWorld => ({
      apiKey: KEY,
      audio,
      open: (options) => googleSpeechToText({ ...options, baseUrl: simulator.url }),
      say: (text) => saidInSilence(bank, text, audio),
      setFault: (fault) => faults.set(fault),
      openConnections: () =>
        simulator.streams().filter((one) => one.closedAtMs === undefined).length,
    }));
  });
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
