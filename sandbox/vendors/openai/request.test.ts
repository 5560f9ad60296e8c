import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import { isObject, parseObject } from '../json.ts';
import { startOpenAI } from './server.ts';
import type { OpenAISimulator } from './server.ts';
import { KEY, weather } from './test-fixtures.ts';

let simulator: OpenAISimulator;
beforeAll(async () => {
  simulator = await startOpenAI({
    brain: () => ({ text: 'It was accepted.' }),
    clock: virtualClock(),
    keys: [KEY],
    faults: createFaults(),
  });
});
afterAll(() => simulator.close());

async function post(body: unknown, authorization: string | undefined = `Bearer ${KEY}`) {
  const response = await fetch(`${simulator.url}/responses`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(authorization === '' ? {} : { authorization }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const error = parseObject(await response.text())?.['error'];
  return { status: response.status, error: isObject(error) ? error : {} };
}

describe('the front door of OpenAI', () => {
  it('wants a key, and shows no more of a wrong one than its ends', async () => {
    expect(await post({}, '')).toMatchObject({ status: 401, error: { code: null } });
    const { status, error } = await post({}, 'Bearer sk-wrong-secret-key-1234');
    expect(status).toBe(401);
    expect(error['code']).toBe('invalid_api_key');
    expect(JSON.stringify(error)).not.toContain('secret');
  });

  const valid = { model: 'gpt-5.4-mini', input: 'Hello' };
  const call = { type: 'function_call', call_id: 'call_1', name: 'a', arguments: '{}' };
  it.each([
    ['no model', { input: 'x' }, 'model', 'missing_required_parameter'],
    ['an unknown field', { ...valid, temprature: 1 }, 'temprature', 'unknown_parameter'],
    ['a field of Chat Completions', { ...valid, messages: [] }, 'messages', 'unknown_parameter'],
    ['a wrong type', { ...valid, temperature: '1' }, 'temperature', 'invalid_type'],
    [
      'a number out of range',
      { ...valid, temperature: 3 },
      'temperature',
      'decimal_above_max_value',
    ],
    [
      'too small a budget',
      { ...valid, max_output_tokens: 5 },
      'max_output_tokens',
      'integer_below_min_value',
    ],
    ['a number as input', { ...valid, input: 5 }, 'input', 'invalid_type'],
    [
      'a wrong role',
      { ...valid, input: [{ role: 'caller', content: 'x' }] },
      'input[0].role',
      'invalid_value',
    ],
    [
      'a part of the wrong side',
      { ...valid, input: [{ role: 'assistant', content: [{ type: 'input_text', text: 'x' }] }] },
      'input[0].content[0].type',
      'invalid_value',
    ],
    [
      'an item without its name',
      { ...valid, input: [{ type: 'function_call', call_id: 'c', arguments: '' }] },
      'input[0].name',
      'missing_required_parameter',
    ],
    [
      'a tool in the shape of Chat Completions',
      { ...valid, tools: [{ type: 'function', function: { name: 'a' } }] },
      'tools[0].name',
      'missing_required_parameter',
    ],
    [
      'a strict tool that is not strict',
      { ...valid, tools: [{ ...weather, parameters: { type: 'object', properties: {} } }] },
      'tools[0].parameters',
      'invalid_function_parameters',
    ],
    [
      'an effort that does not exist',
      { ...valid, reasoning: { effort: 'huge' } },
      'reasoning.effort',
      'invalid_value',
    ],
    [
      'reasoning of a model that has none',
      { ...valid, model: 'gpt-4.1', reasoning: { effort: 'low' } },
      'reasoning.effort',
      'unsupported_parameter',
    ],
    [
      'a temperature for a model that reasons',
      { ...valid, model: 'gpt-5-mini', temperature: 0.5 },
      'temperature',
      'unsupported_parameter',
    ],
    [
      'the choice of a tool that is not there',
      { ...valid, tools: [weather], tool_choice: { type: 'function', name: 'news' } },
      'tool_choice',
      null,
    ],
    ['what the sandbox does not play', { ...valid, conversation: 'conv_1' }, 'conversation', null],
    ['a call without its output', { ...valid, input: [call] }, 'input', null],
    [
      'an output without its call',
      { ...valid, input: [{ type: 'function_call_output', call_id: 'call_1', output: '' }] },
      'input',
      null,
    ],
    [
      'a response that was not kept',
      { ...valid, previous_response_id: 'resp_1' },
      'previous_response_id',
      'previous_response_not_found',
    ],
    ['no JSON', '{"model"', null, null],
  ])('refuses %s', async (_, body, param, code) => {
    const { status, error } = await post(body);
    expect({ status, type: error['type'] }).toEqual({ status: 400, type: 'invalid_request_error' });
    expect({ param: error['param'], code: error['code'] }).toEqual({ param, code });
  });

  it('knows no other model and no other address', async () => {
    expect(await post({ ...valid, model: 'gpt-0' })).toMatchObject({
      status: 404,
      error: { code: 'model_not_found' },
    });
    const response = await fetch(`${simulator.url}/embeddings`, {
      headers: { authorization: `Bearer ${KEY}` },
    });
    expect(response.status).toBe(404);
  });
});
