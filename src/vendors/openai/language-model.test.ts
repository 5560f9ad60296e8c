import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import { createFaults } from '#sandbox/faults.ts';
import type { BrainItem } from '#sandbox/vendors/brain.ts';
import { startOpenAI } from '#sandbox/vendors/openai/server.ts';
import type { OpenAISimulator } from '#sandbox/vendors/openai/server.ts';
import { languageModelContract, obedientReply } from '#test/contracts/language-model.ts';
import type { ThinkingWorld } from '#test/contracts/language-model.ts';
import { openaiLanguageModel } from './language-model.ts';
import { inputItems, lowestEffort } from './request.ts';

const KEY = 'sk-sandbox-f00dfeedf00dfeed';

describe('OpenAI', () => {
  let simulator: OpenAISimulator;
  let faults: ReturnType<typeof createFaults>;
  beforeEach(async () => {
    faults = createFaults();
    simulator = await startOpenAI({
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
    open: (options) => openaiLanguageModel({ ...options, baseUrl: simulator.url }),
    setFault: (fault) => faults.set(fault),
    outcomes: () =>
      simulator.responses().map(({ outcome, tokens }) => ({ state: outcome, tokens })),
  }));

  test.each(['gpt-5.4-mini', 'gpt-5', 'gpt-4.1', 'gpt-6-luna'])(
    '%s takes the request as we make it',
    async (model) => {
      const vendor = openaiLanguageModel({
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
            context: [{ role: 'caller', text: 'say Hi.' }],
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

  test('one kept connection serves one answer after the other', async () => {
    const vendor = openaiLanguageModel({
      apiKey: KEY,
      baseUrl: simulator.url,
      clock: systemClock,
      log: silentLog,
    });
    const { signal } = new AbortController();
    for (let i = 0; i < 3; i++) expect(await vendor.check(signal)).toEqual({ ok: true });
    expect(simulator.requests()).toHaveLength(3);
    vendor.close();
  });
});

describe('the context as input items', () => {
  test('keeps roles, ids and order', () => {
    expect(
      inputItems([
        { role: 'agent', text: 'Hello!' },
        { role: 'caller', text: 'Book it.' },
        { role: 'tool-call', callId: 'c1', name: 'book', arguments: '{}' },
        { role: 'tool-result', callId: 'c1', result: 'done' },
        { role: 'note', text: 'The caller pressed 1.' },
      ]),
    ).toEqual([
      { role: 'assistant', content: 'Hello!' },
      { role: 'user', content: 'Book it.' },
      { type: 'function_call', call_id: 'c1', name: 'book', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c1', output: 'done' },
      { role: 'developer', content: 'The caller pressed 1.' },
    ]);
  });

  test('gives every call exactly one result, and every result a call', () => {
    const items = inputItems([
      { role: 'tool-result', callId: 'stray', result: 'x' },
      { role: 'tool-call', callId: 'torn', name: 'a', arguments: '{}' },
      { role: 'tool-call', callId: 'twice', name: 'b', arguments: '{}' },
      { role: 'tool-result', callId: 'twice', result: '1' },
      { role: 'tool-result', callId: 'twice', result: '2' },
    ]);
    const ids = (type: string): string[] =>
      items.flatMap((item) =>
        item.type === type && 'call_id' in item ? String(item.call_id) : [],
      );
    expect(ids('function_call')).toEqual(['torn', 'twice']);
    expect(ids('function_call_output')).toEqual(['torn', 'twice']);
  });
});

test.each([
  ['gpt-5.4-mini', 'none'],
  ['gpt-6-luna', 'none'],
  ['gpt-6.1-sol', 'none'],
  ['gpt-5', 'minimal'],
  ['gpt-5-mini-2025-08-07', 'minimal'],
  ['o4-mini', 'low'],
  ['gpt-4.1-mini', undefined],
  ['gpt-5-chat-latest', undefined],
])('the least effort of %s is %s', (model, effort) => {
  expect(lowestEffort(model)).toBe(effort);
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
