import { describe, expect, test } from 'vitest';
import type { ContextItem } from '#contracts/language-model.ts';
import { geminiContents, leastThinking, requestBody } from './gemini-request.ts';

const contents = (context: readonly ContextItem[], signatures: Record<string, string> = {}) =>
  geminiContents(context, { signatureOf: (callId) => signatures[callId], fallback: 'skip' });
const call = (callId: string, name = 'book'): ContextItem => ({
  role: 'tool-call',
  callId,
  name,
  arguments: '{"people":2}',
});
const result = (callId: string, text: string): ContextItem => ({
  role: 'tool-result',
  callId,
  result: text,
});
const callPart = (id: string, thoughtSignature?: string) => ({
  functionCall: { id, name: 'book', args: { people: 2 } },
  ...(thoughtSignature !== undefined && { thoughtSignature }),
});
const resultPart = (id: string, output: string) => ({
  functionResponse: { id, name: 'book', response: { output } },
});
const NO_RESULT = 'The conversation went on before the tool answered.';

describe('the context as contents', () => {
  test('are turns of two sides, the first and the last of the user', () => {
    expect(
      contents([
        { role: 'agent', text: 'Hello!' },
        { role: 'caller', text: 'Hi.' },
        { role: 'caller', text: 'A table, please.' },
        { role: 'note', text: 'The caller pressed 1.' },
        { role: 'agent', text: 'Gladly.' },
      ]),
    ).toEqual([
      { role: 'user', parts: [{ text: '<note>The call has just begun.</note>' }] },
      { role: 'model', parts: [{ text: 'Hello!' }] },
      {
        role: 'user',
        parts: [
          { text: 'Hi.' },
          { text: 'A table, please.' },
          { text: '<note>The caller pressed 1.</note>' },
        ],
      },
      { role: 'model', parts: [{ text: 'Gladly.' }] },
      { role: 'user', parts: [{ text: '<note>The caller has said nothing yet.</note>' }] },
    ]);
  });

  test('answer every call in the turn after it, with the signature that the model gave', () => {
    expect(
      contents(
        [
          { role: 'caller', text: 'Book it.' },
          { role: 'agent', text: 'One moment.' },
          call('a'),
          call('b'),
          result('b', 'full'),
          result('a', 'done'),
        ],
        { a: 'signature' },
      ),
    ).toEqual([
      { role: 'user', parts: [{ text: 'Book it.' }] },
      {
        role: 'model',
        parts: [{ text: 'One moment.' }, callPart('a', 'signature'), callPart('b')],
      },
      { role: 'user', parts: [resultPart('a', 'done'), resultPart('b', 'full')] },
    ]);
  });

  test('keep steps apart that followed one another', () => {
    expect(
      contents([
        { role: 'caller', text: 'Book it.' },
        call('a'),
        result('a', 'done'),
        call('b'),
        result('b', 'done'),
      ]).map(({ role, parts }) => [role, parts?.length]),
    ).toEqual([
      ['user', 1],
      ['model', 1],
      ['user', 1],
      ['model', 1],
      ['user', 1],
    ]);
  });

  test('give a torn call an answer, leave out a stray one, and sign for a call of another model', () => {
    expect(
      contents([
        result('stray', 'x'),
        { role: 'tool-call', callId: 'torn', name: 'book', arguments: 'no JSON' },
        { role: 'note', text: 'The caller interrupted.' },
        call('torn'),
        result('torn', 'late'),
        result('torn', 'twice'),
      ]),
    ).toEqual([
      { role: 'user', parts: [{ text: '<note>The call has just begun.</note>' }] },
      {
        role: 'model',
        parts: [{ functionCall: { id: 'torn', name: 'book', args: {} }, thoughtSignature: 'skip' }],
      },
      { role: 'user', parts: [resultPart('torn', 'late')] },
      { role: 'user', parts: [{ text: '<note>The caller interrupted.</note>' }] },
    ]);
    expect(contents([call('torn')])[2]).toEqual({
      role: 'user',
      parts: [resultPart('torn', NO_RESULT)],
    });
  });
});

test.each([
  ['gemini-2.0-flash', undefined],
  ['gemini-2.5-flash', { thinkingBudget: 0 }],
  ['gemini-2.5-flash-lite', { thinkingBudget: 0 }],
  ['gemini-2.5-pro', { thinkingBudget: 128 }],
  ['gemini-3-flash-preview', { thinkingLevel: 'MINIMAL' }],
  ['gemini-3.1-pro-preview', { thinkingLevel: 'LOW' }],
  ['gemini-3.5-flash-lite', { thinkingLevel: 'MINIMAL' }],
  ['gemini-3.6-flash', { thinkingLevel: 'MINIMAL' }],
  ['gemini-3.8-flash', { thinkingLevel: 'LOW' }],
  ['gemini-flash-lite-latest', { thinkingLevel: 'MINIMAL' }],
  ['gemini-4-argon', { thinkingLevel: 'LOW' }],
  ['gemma-4-27b', undefined],
])('the least thinking of %s is %o', (model, limit) => {
  expect(leastThinking(model)).toEqual(limit);
});

test('where thoughts cannot be turned off they do not shorten the answer', () => {
  const tokens = (model: string): number =>
    requestBody(
      model,
      { systemPrompt: '', context: [], tools: [], maxOutputTokens: 100 },
      () => undefined,
    ).generationConfig.maxOutputTokens;
  expect(tokens('gemini-2.5-flash')).toBe(100);
  expect(tokens('gemini-3.8-flash')).toBeGreaterThan(1_000);
});
