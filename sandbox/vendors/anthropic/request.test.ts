import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import type { BrainItem } from '../brain.ts';
import { isObject, parseObject } from '../json.ts';
import { startAnthropic } from './server.ts';
import type { AnthropicSimulator } from './server.ts';
import { KEY, weather } from './test-fixtures.ts';

let shown: readonly BrainItem[] = [];
let simulator: AnthropicSimulator;
const clock = virtualClock();
beforeAll(async () => {
  simulator = await startAnthropic({
    brain: ({ items }) => {
      shown = items;
      return { text: 'Accepted.' };
    },
    clock,
    keys: [KEY],
    faults: createFaults(),
    timing: { firstTokenMs: 0, tokensPerSecond: Infinity },
  });
});
afterAll(() => simulator.close());

const HEADERS = { authorization: `Bearer ${KEY}`, 'anthropic-version': '2026-10-21' };

async function post(body: unknown, headers: Readonly<Record<string, string>> = HEADERS) {
  const response = await fetch(`${simulator.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const error = parseObject(await response.text())?.['error'];
  return { status: response.status, error: isObject(error) ? error : {} };
}

const user = (content: unknown): object => ({ role: 'user', content });
const assistant = (content: unknown): object => ({ role: 'assistant', content });
const call = (id: string): object => ({ type: 'tool_use', id, name: 'weather', input: {} });
const result = (id: string): object => ({ type: 'tool_result', tool_use_id: id, content: 'sunny' });
const valid = {
  model: 'claude-haiku-5-5',
  max_tokens: 64,
  thinking: { type: 'disabled' },
  messages: [user('Hello')],
};

describe('the front door of Anthropic', () => {
  it('wants a key and a version, in the new way or the old', async () => {
    const { authorization, ...version } = HEADERS;
    expect((await post(valid, version)).status).toBe(401);
    expect((await post(valid, { ...version, authorization: 'Bearer sk-ant-wrong' })).status).toBe(
      401,
    );
    expect((await post(valid, { authorization })).error).toMatchObject({
      message: 'anthropic-version: header is required',
    });
    expect((await post(valid, { authorization, 'anthropic-version': '2030-01-01' })).status).toBe(
      400,
    );
    const old = { 'x-api-key': KEY, 'anthropic-version': '2023-06-01' };
    expect((await post({ ...valid, temperature: 0.5 }, old)).status).toBe(200);
  });

  it.each([
    ['no model', { ...valid, model: undefined }, 'model: Field required'],
    ['no budget', { ...valid, max_tokens: undefined }, 'max_tokens: Field required'],
    ['an unknown field', { ...valid, maxTokens: 1 }, 'maxTokens: Extra inputs are not permitted'],
    ['a temperature', { ...valid, temperature: 0.5 }, 'temperature: Extra inputs'],
    ['no messages', { ...valid, messages: [] }, 'messages: at least 1 item is required'],
    [
      'a role of another house',
      { ...valid, messages: [{ role: 'developer', content: 'Hi' }] },
      'messages.0.role',
    ],
    ['an empty text', { ...valid, messages: [user('')] }, 'must be non-empty'],
    [
      'a blank text',
      { ...valid, messages: [user([{ type: 'text', text: ' ' }])] },
      'non-whitespace',
    ],
    ['an empty system text', { ...valid, system: [{ type: 'text', text: '' }] }, 'system: text'],
    ['an agent that begins', { ...valid, messages: [assistant('Hi')] }, 'first message must use'],
    [
      'an agent that has the last word',
      { ...valid, messages: [user('Hi'), assistant('Hello')] },
      'prefill',
    ],
    [
      'a call without its result',
      { ...valid, messages: [user('Hi'), assistant([call('a')]), user('And?')] },
      'without `tool_result` blocks immediately after: a',
    ],
    [
      'a result without its call',
      { ...valid, messages: [user([result('a')])] },
      'messages.0.content.0: unexpected `tool_use_id`',
    ],
    [
      'a result behind a text',
      {
        ...valid,
        messages: [
          user('Hi'),
          assistant([call('a')]),
          user([{ type: 'text', text: 'So?' }, result('a')]),
        ],
      },
      'must come before all other content',
    ],
    [
      'two results of one call',
      {
        ...valid,
        messages: [user('Hi'), assistant([call('a')]), user([result('a'), result('a')])],
      },
      'a single result',
    ],
    [
      'the same call twice',
      {
        ...valid,
        messages: [
          user('Hi'),
          assistant([call('a')]),
          user([result('a')]),
          assistant([call('a')]),
          user([result('a')]),
        ],
      },
      'must be unique',
    ],
    [
      'an id that is none',
      { ...valid, messages: [user('Hi'), assistant([call('a b')]), user([result('a b')])] },
      'messages.1.content.0.id: String should match pattern',
    ],
    [
      'arguments as text',
      {
        ...valid,
        messages: [user('Hi'), assistant([{ ...call('a'), input: '{}' }]), user([result('a')])],
      },
      'messages.1.content.0.input: Input should be a valid dictionary',
    ],
    [
      'a tool in the shape of OpenAI',
      { ...valid, tools: [{ type: 'function', name: 'a', parameters: {} }] },
      'tools.0.type',
    ],
    ['two tools of one name', { ...valid, tools: [weather, weather] }, 'must be unique'],
    ['a choice of no tool', { ...valid, tool_choice: { type: 'auto' } }, 'providing `tools`'],
    [
      'more marks than the cache keeps',
      {
        ...valid,
        messages: [
          user(
            Array.from({ length: 5 }, () => ({
              type: 'text',
              text: 'a',
              cache_control: { type: 'ephemeral' },
            })),
          ),
        ],
      },
      'A maximum of 4 blocks',
    ],
    ['a budget beyond the model', { ...valid, max_tokens: 1_000_000 }, 'max_tokens: 1000000 >'],
    [
      'thinking by a budget',
      { ...valid, thinking: { type: 'enabled', budget_tokens: 1_024 } },
      'is not supported for this model',
    ],
    [
      'a model that cannot but think being told not to',
      { ...valid, model: 'claude-opus-5-5' },
      '"thinking.type.disabled" is not supported',
    ],
    ['no JSON', '{"model"', 'not valid JSON'],
  ])('refuses %s', async (_, body, message) => {
    const { status, error } = await post(body);
    expect({ status, type: error['type'] }).toEqual({ status: 400, type: 'invalid_request_error' });
    expect(error['message']).toContain(message);
  });

  it('knows no other model and no other address', async () => {
    expect(await post({ ...valid, model: 'claude-0' })).toMatchObject({
      status: 404,
      error: { type: 'not_found_error', message: 'model: claude-0' },
    });
    expect((await fetch(`${simulator.url}/v1/complete`, { headers: HEADERS })).status).toBe(404);
  });

  it('tells what the user says from an aside in tags', async () => {
    const messages = [
      user([
        { type: 'text', text: 'Two < three.' },
        { type: 'text', text: '<note>The caller pressed 1.</note>' },
      ]),
    ];
    expect((await post({ ...valid, messages })).status).toBe(200);
    expect(shown).toEqual([
      { type: 'message', role: 'user', text: 'Two < three.' },
      { type: 'message', role: 'system', text: 'The caller pressed 1.' },
    ]);
  });
});
