import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LanguageModel, Thought } from '#contracts/language-model.ts';
import { systemClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import { createFaults } from '#sandbox/faults.ts';
import type { BrainItem } from '#sandbox/vendors/brain.ts';
import { startAnthropic } from '#sandbox/vendors/anthropic/server.ts';
import type { AnthropicSimulator } from '#sandbox/vendors/anthropic/server.ts';
import { languageModelContract, obedientReply } from '#test/contracts/language-model.ts';
import type { ThinkingWorld } from '#test/contracts/language-model.ts';
import { recorder } from '#test/support/recorder.ts';
import type { Recorder } from '#test/support/recorder.ts';
import { anthropicLanguageModel } from './language-model.ts';

const KEY = 'sk-ant-api03-sandbox-f00dfeed';

describe('Anthropic', () => {
  let simulator: AnthropicSimulator;
  let faults: ReturnType<typeof createFaults>;
  beforeEach(async () => {
    faults = createFaults();
    simulator = await startAnthropic({
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
    open: (options) => anthropicLanguageModel({ ...options, baseUrl: simulator.url }),
    setFault: (fault) => faults.set(fault),
    outcomes: () => simulator.messages().map(({ outcome, tokens }) => ({ state: outcome, tokens })),
  }));

  const open = (model?: string): LanguageModel =>
    anthropicLanguageModel({
      apiKey: KEY,
      baseUrl: simulator.url,
      clock: systemClock,
      log: silentLog,
      model,
    });
  const ask = async (vendor: LanguageModel, systemPrompt = ''): Promise<Recorder<Thought>> => {
    const thoughts = recorder<Thought>();
    vendor.think(
      {
        systemPrompt,
        context: [{ role: 'caller', text: 'say Hi.' }],
        tools: [],
        maxOutputTokens: 32,
      },
      thoughts.on,
    );
    await thoughts.until(({ type }) => type === 'done' || type === 'failed');
    return thoughts;
  };

  test.each(['claude-haiku-5-5', 'claude-sonnet-4-5', 'claude-opus-5-5', 'claude-fable-5-2'])(
    '%s takes the request as we make it, and its thinking is not spoken',
    async (model) => {
      const vendor = open(model);
      const { all } = await ask(vendor);
      vendor.close();
      expect(all.map((thought) => (thought.type === 'delta' ? thought.text : '')).join('')).toBe(
        'Hi.',
      );
      expect(all.at(-1)).toMatchObject({ type: 'done' });
    },
  );

  test('the second turn of a call finds the system prompt in the cache', async () => {
    const vendor = open();
    const prompt = 'You answer the phone of a small restaurant by the sea. '.repeat(300);
    const [first, second] = [await ask(vendor, prompt), await ask(vendor, prompt)];
    vendor.close();
    const [written, read] = simulator.messages().map((one) => one.prompt);
    expect(written?.cache_creation_input_tokens).toBeGreaterThan(2_000);
    expect(read?.cache_read_input_tokens).toBe(written?.cache_creation_input_tokens);
    // However it was paid for, the prompt is as long as before.
    expect(second.all.at(-1)).toEqual(first.all.at(-1));
  });
});

function plainItem(item: BrainItem): { role: string; text: string } {
  switch (item.type) {
    case 'function_call':
      return { role: 'tool-call', text: item.name };
    case 'function_call_output':
      return { role: 'tool-result', text: item.output };
    case 'message':
      return {
        role: { user: 'caller', assistant: 'agent', developer: 'note', system: 'note' }[item.role],
        text: item.text,
      };
  }
}
