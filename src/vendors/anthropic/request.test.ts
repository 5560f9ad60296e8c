import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ContextItem } from '#contracts/language-model.ts';
import { parseMessagesRequest } from '#sandbox/vendors/anthropic/request.ts';
import { messageParams } from './message-params.ts';
import { leastThinking, requestBody } from './request.ts';

const CACHED = { cache_control: { type: 'ephemeral' } };
const request = {
  systemPrompt: 'You answer the phone.',
  context: [{ role: 'caller', text: 'Hello?' }],
  tools: [
    { name: 'a', description: 'A.', parameters: { type: 'object' } },
    { name: 'b', description: 'B.', parameters: { type: 'object' } },
  ],
  maxOutputTokens: 64,
} as const;

describe('the request', () => {
  test('is streamed without thinking, and without what the service has given up', () => {
    const body = requestBody('claude-haiku-5-5', request);
    expect(Object.keys(body).toSorted()).toEqual(
      ['max_tokens', 'messages', 'model', 'stream', 'system', 'thinking', 'tools'].toSorted(),
    );
    expect(body).toMatchObject({ stream: true, max_tokens: 64, thinking: { type: 'disabled' } });
  });

  test('marks the end of tools and system prompt for the cache', () => {
    expect(requestBody('claude-haiku-5-5', request).system).toEqual([
      { type: 'text', text: 'You answer the phone.', ...CACHED },
    ]);
    const bare = requestBody('claude-haiku-5-5', { ...request, systemPrompt: ' ' });
    expect(bare.system).toBeUndefined();
    expect(bare.tools?.map((tool) => 'cache_control' in tool)).toEqual([false, true]);
  });

  test.each([
    ['claude-haiku-5-5', { thinking: { type: 'disabled' } }],
    ['claude-sonnet-4-5-20250929', { thinking: { type: 'disabled' } }],
    ['claude-opus-5', { thinking: { type: 'disabled' } }],
    ['claude-opus-5-5', { output_config: { effort: 'low' } }],
    ['claude-mythos-preview', { output_config: { effort: 'low' } }],
    ['claude-fable-5-2', { output_config: { effort: 'low' } }],
  ])('the least thinking of %s is %o', (model, least) => {
    expect(leastThinking(model)).toEqual(least);
  });
});

describe('the context as messages', () => {
  const note = (text: string): object => ({ type: 'text', text: `<note>${text}</note>` });
  const text = (words: string): object => ({ type: 'text', text: words });

  test('begins and ends with the user, and joins what one side said in a row', () => {
    expect(
      messageParams([
        { role: 'agent', text: 'Hello!' },
        { role: 'caller', text: 'Hi.' },
        { role: 'note', text: 'The caller pressed 1.' },
        { role: 'caller', text: 'Are you there?' },
        { role: 'agent', text: 'Yes. ' },
        { role: 'agent', text: 'What is it?' },
      ]),
    ).toEqual([
      { role: 'user', content: [note('The call has just begun.')] },
      { role: 'assistant', content: [text('Hello!')] },
      {
        role: 'user',
        content: [text('Hi.'), note('The caller pressed 1.'), text('Are you there?')],
      },
      { role: 'assistant', content: [text('Yes.'), text('What is it?')] },
      { role: 'user', content: [note('Go on.')] },
    ]);
  });

  test('moves results up to their calls, and makes up for what is missing', () => {
    const call = (callId: string): ContextItem => ({
      role: 'tool-call',
      callId,
      name: 'book',
      arguments: '{"people":2}',
    });
    const messages = messageParams([
      { role: 'caller', text: 'Book it.' },
      call('a'),
      call('functions.book:1'),
      { role: 'agent', text: 'One moment.' },
      { role: 'caller', text: 'Take your time.' },
      { role: 'tool-result', callId: 'functions.book:1', result: 'done' },
      { role: 'tool-result', callId: 'stray', result: 'x' },
    ]);
    const use = (id: string): object => ({
      type: 'tool_use',
      id,
      name: 'book',
      input: { people: 2 },
    });
    expect(messages).toMatchObject([
      { role: 'user', content: [text('Book it.')] },
      { role: 'assistant', content: [use('a'), use('call_1')] },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'a', content: expect.stringContaining('error') },
          { type: 'tool_result', tool_use_id: 'call_1', content: 'done' },
        ],
      },
      { role: 'assistant', content: [text('One moment.')] },
      { role: 'user', content: [text('Take your time.')] },
    ]);
  });

  test('whatever the context holds, the service takes it', () => {
    const words = fc.constantFrom('', ' ', 'Hello.', 'Yes, please. ');
    const callId = fc.constantFrom('a', 'b', 'c d');
    const item: fc.Arbitrary<ContextItem> = fc.oneof(
      fc.record({ role: fc.constantFrom('caller', 'agent', 'note'), text: words }),
      fc.record({
        role: fc.constant('tool-call'),
        callId,
        name: fc.constant('book'),
        arguments: fc.constantFrom('{}', '{"people":2}', '', '[1]', '{"people'),
      }),
      fc.record({ role: fc.constant('tool-result'), callId, result: words }),
    );
    fc.assert(
      fc.property(fc.array(item, { maxLength: 12 }), (context) => {
        const body: unknown = JSON.parse(
          JSON.stringify(requestBody('claude-haiku-5-5', { ...request, context })),
        );
        expect(parseMessagesRequest(body, '2026-10-21')).toMatchObject({ ok: true });
      }),
      { numRuns: 300 },
    );
  });
});
