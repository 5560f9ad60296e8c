import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import { createFaults } from '#sandbox/faults.ts';
import { openEar } from '#sandbox/speech/ear.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import { startDeepgram } from '#sandbox/vendors/deepgram/server.ts';
import type { DeepgramSimulator } from '#sandbox/vendors/deepgram/server.ts';
import { speechToTextContract } from '#test/contracts/speech-to-text.ts';
import type { HearingWorld } from '#test/contracts/speech-to-text.ts';
import { HEARD_FORMATS, saidInSilence } from '#test/support/formats.ts';
import { deepgramSpeechToText } from './speech-to-text.ts';

const KEY = 'dg-sandbox-key-f00dfeed';

let bank: Awaited<ReturnType<typeof createVoiceBank>>;
beforeAll(async () => void (bank = await createVoiceBank()));
afterAll(() => bank[Symbol.asyncDispose]());

describe.each(['nova-3', 'flux-general-en'])('Deepgram %s', (model) => {
  let simulator: DeepgramSimulator;
  let faults: ReturnType<typeof createFaults>;
  beforeEach(async () => {
    faults = createFaults();
    simulator = await startDeepgram({
      openEar: openEar(bank),
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
      open: (options) => deepgramSpeechToText({ ...options, baseUrl: simulator.url, model }),
      say: (text) => saidInSilence(bank, text, audio),
      setFault: (fault) => faults.set(fault),
      openConnections: () =>
        simulator.connections().filter((one) => one.closedAtMs === undefined).length,
    }));
  });
});

describe('the default model', () => {
  test.each([
    [undefined, 'flux-general-en'],
    ['en-GB', 'flux-general-en'],
    ['de-DE', 'nova-3'],
  ])('for language %s is %s', (language, model) => {
    const vendor = deepgramSpeechToText({
      apiKey: KEY,
      baseUrl: 'https://api.deepgram.com',
      clock: systemClock,
      log: silentLog,
      language,
    });
    expect(vendor.model).toBe(model);
    vendor.close();
  });
});
