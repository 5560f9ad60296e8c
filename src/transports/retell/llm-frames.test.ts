import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readLlmRequest, speechOf } from './llm-frames.ts';

const read = (frame: object) => readLlmRequest(JSON.stringify(frame));

describe('what Retell says on the socket', () => {
  test('is read by its documented names', () => {
    expect(read({ interaction_type: 'ping_pong', timestamp: 1_234 })).toEqual({
      type: 'ping_pong',
      timestamp: 1_234,
    });
    expect(read({ interaction_type: 'call_details', call: { call_id: 'c' } })).toEqual({
      type: 'call_details',
      call: { call_id: 'c' },
    });
    expect(
      read({
        interaction_type: 'update_only',
        transcript: [
          { role: 'agent', content: 'Hello', words: [{ word: 'Hello', start: 0.1, end: 0.4 }] },
          { role: 'user', content: 'Hi' },
        ],
        turntaking: 'user_turn',
      }),
    ).toEqual({
      type: 'update_only',
      transcript: [
        { role: 'agent', text: 'Hello' },
        { role: 'caller', text: 'Hi' },
      ],
      turn: 'caller',
    });
  });

  test('is read with its tool calls and keys where they are there', () => {
    const request = read({
      interaction_type: 'response_required',
      response_id: 3,
      transcript: [{ role: 'user', content: 'Hi' }],
      transcript_with_tool_calls: [
        { role: 'user', content: 'Hi' },
        { role: 'dtmf', digit: '#' },
        { role: 'tool_call_invocation', tool_call_id: 'a', name: 'find', arguments: '{}' },
        { role: 'tool_call_result', tool_call_id: 'a', content: 'found', successful: true },
        { role: 'transfer_target', content: 'Sales here' },
        { role: 'agent', content: '' },
        'nonsense',
        { role: 'tool_call_invocation', name: 'nameless' },
      ],
    });
    expect(request).toEqual({
      type: 'response_required',
      responseId: 3,
      transcript: [
        { role: 'caller', text: 'Hi' },
        { role: 'key', digit: '#' },
        { role: 'tool-call', callId: 'a', name: 'find', arguments: '{}' },
        { role: 'tool-result', callId: 'a', result: 'found' },
      ],
    });
  });

  test.each([
    { interaction_type: 'ping_pong', timestamp: '1' },
    { interaction_type: 'call_details' },
    { interaction_type: 'response_required', response_id: 1 },
    { interaction_type: 'response_required', response_id: 1.5, transcript: [] },
    { interaction_type: 'reminder_required', response_id: -1, transcript: [] },
    { interaction_type: 'update_only', transcript: {} },
    {},
  ])('is nothing where it is not in the protocol: %j', (frame) => {
    expect(read(frame)).toBeUndefined();
  });

  test('never makes the reader throw', () => {
    fc.assert(fc.property(fc.json(), (text) => void readLlmRequest(text)));
    fc.assert(fc.property(fc.string(), (text) => void readLlmRequest(text)));
    const frames = fc.record(
      {
        interaction_type: fc.constantFrom('update_only', 'response_required', 'reminder_required'),
        response_id: fc.anything(),
        transcript: fc.oneof(fc.array(fc.anything()), fc.anything()),
        transcript_with_tool_calls: fc.oneof(fc.array(fc.anything()), fc.anything()),
      },
      { requiredKeys: ['interaction_type'] },
    );
    fc.assert(
      fc.property(frames, (frame) => {
        const text = JSON.stringify(frame, (_key, value: unknown) =>
          typeof value === 'bigint' ? String(value) : value,
        );
        readLlmRequest(text);
      }),
    );
  });
});

test.each([
  [{ type: 'end' } as const, { end_call: true }],
  [{ type: 'transfer', phoneNumber: '+14155550123' } as const, { transfer_number: '+14155550123' }],
  [{ type: 'keys', keys: '12#' } as const, { digit_to_press: '12#' }],
  [undefined, {}],
])('the last piece of a speech says what comes after it: %j', (afterwards, fields) => {
  expect(speechOf('Bye.', true, false, afterwards)).toEqual({
    content: 'Bye.',
    content_complete: true,
    no_interruption_allowed: true,
    ...fields,
  });
});
