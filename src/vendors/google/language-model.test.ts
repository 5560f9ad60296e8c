import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import { createFaults } from '#sandbox/faults.ts';
import { openEar } from '#sandbox/speech/ear.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import type { BrainItem } from '#sandbox/vendors/brain.ts';
import { startGoogle } from '#sandbox/vendors/google/server.ts';
import type { GoogleSimulator } from '#sandbox/vendors/google/server.ts';
import { languageModelContract, obedientReply } from '#test/contracts/language-model.ts';
import type { ThinkingWorld } from '#test/contracts/language-model.ts';
import { googleLanguageModel } from './language-model.ts';

const KEY = 'AIzaSandbox-f00dfeedf00dfeed';

let bank: Awaited<ReturnType<typeof createVoiceBank>>;
beforeAll(async () => void (bank = await createVoiceBank()));
afterAll(() => bank[Symbol.asyncDispose]());

describe('Gemini', () => {
  let simulator: GoogleSimulator;
  let faults: ReturnType<typeof createFaults>;
  beforeEach(async () => {
    faults = createFaults();
    simulator = await startGoogle({
      bank,
      openEar: openEar(bank),
      brain: ({ items }) => obedientReply(items.map(plainItem)),
      clock: systemClock,
      keys: [KEY],
      faults,
      timing: { firstTokenMs: 2, tokensPerSecond: 500 },
    });
  });
  afterEach(() => simulator.close());

  languageModelContract((): ThinkingWorld => ({
    apiKey: KEY,
    open: (options) => googleLanguageModel({ ...options, baseUrl: simulator.url }),
    setFault: (fault) => faults.set(fault),
    outcomes: () =>
      simulator.generations().map(({ outcome, tokens }) => ({ state: outcome, tokens })),
  }));

  test.each(['gemini-2.5-flash', 'gemini-2.5-pro', 'gemini-3.6-flash', 'gemini-3.8-flash'])(
    '%s takes the request as we make it',
    async (model) => {
      const vendor = googleLanguageModel({
        apiKey: KEY,
        baseUrl: simulator.url,
        clock: systemClock,
        log: silentLog,
        model,
      });
      const end = await new Promise((resolve) => {
        vendor.think(
          {
            systemPrompt: '',
            context: [
              { role: 'tool-call', callId: 'of another vendor', name: 'a', arguments: '{' },
              { role: 'caller', text: 'say Hi.' },
            ],
            tools: [],
            maxOutputTokens: 32,
          },
          (thought) => {
            if (thought.type === 'done' || thought.type === 'failed') resolve(thought);
          },
        );
      });
      vendor.close();
      expect(end).toMatchObject({ type: 'done' });
    },
  );
});

/** Notes are marked, since Gemini has no role for them. */
function plainItem(item: BrainItem): { role: string; text: string } {
  switch (item.type) {
    case 'function_call':
      return { role: 'tool-call', text: item.name };
    case 'function_call_output':
      return { role: 'tool-result', text: item.output };
    case 'message':
      if (item.role === 'assistant') return { role: 'agent', text: item.text };
      return { role: item.text.startsWith('<note>') ? 'note' : 'caller', text: item.text };
  }
}
