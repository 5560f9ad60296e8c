import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { createFaults } from '#sandbox/faults.ts';
import { openEar } from '#sandbox/speech/ear.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import { startGoogle } from '#sandbox/vendors/google/server.ts';
import type { GoogleSimulator } from '#sandbox/vendors/google/server.ts';
import { textToSpeechContract } from '#test/contracts/text-to-speech.ts';
import { SPOKEN_FORMATS, wordsIn } from '#test/support/formats.ts';
import type { SpeakingWorld } from '#test/support/speaking.ts';
import { googleTextToSpeech } from './text-to-speech.ts';
import { google } from './vendor.ts';

const KEY = 'AIzaSandbox-f00dfeedf00dfeed';

let bank: Awaited<ReturnType<typeof createVoiceBank>>;
beforeAll(async () => void (bank = await createVoiceBank()));
afterAll(() => bank[Symbol.asyncDispose]());

describe('Google Text-to-Speech', () => {
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
      timing: { firstSpeechMs: 5, realTimeFactor: 50 },
    });
  });
  afterEach(() => simulator.close());

  describe.each(SPOKEN_FORMATS)('speaking %s', (_, audio) => {
    textToSpeechContract((): SpeakingWorld => ({
      apiKey: KEY,
      audio,
      voice: google.textToSpeech?.defaultVoice ?? '',
      open: (options) => googleTextToSpeech({ ...options, baseUrl: simulator.url }),
      setFault: (fault) => faults.set(fault),
      planFault: (nth, fault) => faults.plan(nth, fault),
      activeUtterances: () =>
        simulator.streams().filter((one) => one.closedAtMs === undefined).length,
      openConnections: () =>
        simulator.connections().filter((one) => one.closedAtMs === undefined).length,
      hear: (sound) => wordsIn(bank, sound, audio),
    }));
  });
});
