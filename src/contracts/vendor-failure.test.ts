import { describe, expect, test } from 'vitest';
import { codeOfStatus, failureMaker, withoutSecrets } from './vendor-failure.ts';

const KEY = 'sk-secret-0123456789';

describe('a failure', () => {
  const failures = failureMaker('openai', 'language-model', KEY);

  test('never holds the key, wherever the vendor repeats it', () => {
    const { message } = failures.of('invalid', `bad header "Bearer ${KEY}" and ${KEY}!`);
    expect(message).toBe('bad header "Bearer [hidden]" and [hidden]!');
  });

  test('of a refused key repeats nothing of what the vendor said', () => {
    const { code, message } = failures.ofStatus(401, `Incorrect key: sk-sec***6789`);
    expect(code).toBe('refused');
    expect(message).toBe('openai refuses the key (HTTP 401)');
  });

  test('names its vendor, its role and the status', () => {
    expect(failures.ofStatus(503, 'overloaded\n')).toEqual({
      vendor: 'openai',
      role: 'language-model',
      code: 'unreachable',
      message: 'openai answered HTTP 503: overloaded',
    });
    expect(failures.ofStatus(500, '').message).toBe('openai answered HTTP 500');
  });
});

test.each([
  [400, 'invalid'],
  [401, 'refused'],
  [402, 'quota'],
  [403, 'refused'],
  [404, 'invalid'],
  [408, 'timeout'],
  [422, 'invalid'],
  [429, 'limited'],
  [500, 'unreachable'],
  [504, 'timeout'],
  [301, 'garbled'],
])('HTTP %i means %s', (status, code) => {
  expect(codeOfStatus(status)).toBe(code);
});

test('a key half hidden by stars is hidden altogether', () => {
  expect(withoutSecrets('provided: sk-ab******yz. See docs.', KEY)).toBe(
    'provided: [hidden] See docs.',
  );
});

test('a short key does not cut words to pieces', () => {
  expect(withoutSecrets('an apple', 'a')).toBe('an apple');
});

test('a page of text becomes one line of bearable length', () => {
  const text = withoutSecrets('<html>\n'.repeat(1_000), KEY);
  expect(text.length).toBe(300);
  expect(text).not.toContain('\n');
});
