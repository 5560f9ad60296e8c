import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { createFaults } from '#sandbox/faults.ts';
import { openEar } from '#sandbox/speech/ear.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import { startOpenAI } from '#sandbox/vendors/openai/server.ts';
import type { OpenAISimulator } from '#sandbox/vendors/openai/server.ts';
import { speechToTextContract } from '#test/contracts/speech-to-text.ts';
import type { HearingWorld } from '#test/contracts/speech-to-text.ts';
import { HEARD_FORMATS, saidInSilence } from '#test/support/formats.ts';
import { openaiSpeechToText } from './speech-to-text.ts';

const KEY = 'sk-sandbox-f00dfeedf00dfeed';

let bank: Awaited<ReturnType<typeof createVoiceBank>>;
beforeAll(async () => void (bank = await createVoiceBank()));
afterAll(() => bank[Symbol.asyncDispose]());

describe.each(['gpt-live-transcribe', 'gpt-transcribe'])('OpenAI %s', (model) => {
  let simulator: OpenAISimulator;
  let faults: ReturnType<typeof createFaults>;
  beforeEach(async () => {
    faults = createFaults();
    simulator = await startOpenAI({
      brain: () => ({}),
      clock: systemClock,
      keys: [KEY],
      faults,
      speech: { bank, openEar: openEar(bank) },
      timing: { transcriptMs: 10 },
    });
  });
  afterEach(() => simulator.close());

  describe.each(HEARD_FORMATS)('hearing %s', (_, audio) => {
    speechToTextContract((): HearingWorld => ({
      apiKey: KEY,
      audio,
      open: (options) => openaiSpeechToText({ ...options, baseUrl: simulator.url, model }),
      say: (text) => saidInSilence(bank, text, audio),
      setFault: (fault) => faults.set(fault),
      openConnections: () =>
        simulator.connections().filter((one) => one.closedAtMs === undefined).length,
    }));
  });
});
