import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { createFaults } from '#sandbox/faults.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import { startCartesia } from '#sandbox/vendors/cartesia/server.ts';
import type { CartesiaSimulator } from '#sandbox/vendors/cartesia/server.ts';
import { textToSpeechContract } from '#test/contracts/text-to-speech.ts';
import { SPOKEN_FORMATS, wordsIn } from '#test/support/formats.ts';
import type { SpeakingWorld } from '#test/support/speaking.ts';
import { cartesiaTextToSpeech } from './text-to-speech.ts';
import { cartesia } from './vendor.ts';

const KEY = 'sk_car_sandbox_f00dfeed';

let bank: Awaited<ReturnType<typeof createVoiceBank>>;
beforeAll(async () => void (bank = await createVoiceBank()));
afterAll(() => bank[Symbol.asyncDispose]());

describe('Cartesia', () => {
  let simulator: CartesiaSimulator;
  let faults: ReturnType<typeof createFaults>;
  beforeEach(async () => {
    faults = createFaults();
    simulator = await startCartesia({
      bank,
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
      voice: cartesia.textToSpeech?.defaultVoice ?? '',
      open: (options) => cartesiaTextToSpeech({ ...options, baseUrl: simulator.url }),
      setFault: (fault) => faults.set(fault),
      planFault: (nth, fault) => faults.plan(nth, fault),
      activeUtterances: () => simulator.activeContexts(),
      openConnections: () =>
        simulator.connections().filter((one) => one.closedAtMs === undefined).length,
      hear: (sound) => wordsIn(bank, sound, audio),
    }));
  });
});
