import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { agreeOnVersion, readClientMessage } from './rtvi.ts';

const read = (type: string, data?: unknown, id = 'a1') =>
  readClientMessage(JSON.stringify({ label: 'rtvi-ai', type, id, data }));

describe('what a client says', () => {
  test.each([
    ['client-ready', { version: '2.1.0', about: { library: 'x' } }, { version: '2.1.0' }],
    [
      'send-text',
      { content: ' Hi. ' },
      { content: 'Hi.', options: { run_immediately: true, audio_response: true } },
    ],
    [
      'send-text',
      { content: 'Hi', options: { run_immediately: false } },
      { content: 'Hi', options: { run_immediately: false, audio_response: true } },
    ],
    ['dtmf', { buttons: ['1', '#'] }, { buttons: ['1', '#'] }],
    ['dtmf', { button: '*' }, { buttons: ['*'] }],
    ['client-message', { t: 'call' }, { t: 'call' }],
    [
      'llm-function-call-result',
      { function_name: 'f', tool_call_id: 'c', arguments: {}, result: { a: 1 } },
      { tool_call_id: 'c', result: { a: 1 } },
    ],
    [
      'raw-audio',
      { base64Audio: 'AAA=' },
      { base64Audio: 'AAA=', sampleRate: 16_000, numChannels: 1 },
    ],
  ])('is read with what it leaves out: %s', (type, data, expected) => {
    expect(read(type, data)).toEqual({
      is: 'message',
      message: { type, id: 'a1', data: expected },
    });
  });

  test.each([
    ['send-text', {}],
    ['send-text', { content: '   ' }],
    ['send-text', { content: 'x'.repeat(5_000) }],
    ['dtmf', { buttons: [] }],
    ['dtmf', { buttons: ['A'] }],
    ['dtmf', {}],
    ['client-ready', {}],
    ['raw-audio', { base64Audio: '?' }],
    ['ui-event', { event: 'x' }],
    ['constructor', {}],
  ])('is refused with its id where it is not right: %s %j', (type, data) => {
    expect(read(type, data)).toMatchObject({ is: 'refused', id: 'a1' });
  });

  test('is told apart from what is no message, and from what is none of ours', () => {
    expect(readClientMessage('hello')).toMatchObject({ is: 'malformed' });
    expect(readClientMessage('[]')).toMatchObject({ is: 'malformed' });
    expect(readClientMessage('{"label":"rtvi-ai"}')).toMatchObject({ is: 'malformed' });
    expect(readClientMessage('{"type":"client-ready"}')).toEqual({ is: 'foreign' });
  });

  test('never comes back in what is said of it', () => {
    const secret = 'hunter2hunter2';
    const answers = [
      read('send-text', { content: { secret } }),
      read('dtmf', { buttons: [secret] }),
      read('client-ready', { version: [secret] }),
    ];
    expect(JSON.stringify(answers)).not.toContain(secret);
  });

  test('never makes the reader throw', () => {
    const types = fc.constantFrom(
      'client-ready',
      'send-text',
      'dtmf',
      'raw-audio',
      '__proto__',
      '',
    );
    fc.assert(
      fc.property(types, fc.json(), (type, data) => {
        readClientMessage(data);
        readClientMessage(`{"label":"rtvi-ai","type":${JSON.stringify(type)},"data":${data}}`);
      }),
      { numRuns: 5_000 },
    );
  });
});

test('the major version says how a client is spoken to', () => {
  expect(agreeOnVersion('2.3.0')).toEqual({ version: '2.1.0', isOld: false });
  expect(agreeOnVersion('1.2.0')).toEqual({ version: '1.2.0', isOld: true });
  for (const version of ['3.0.0', '0.9.0', '2', '2.x.0', '', 'v2.0.0'])
    expect(agreeOnVersion(version)).toBeUndefined();
});
