import { describe, expect, test } from 'vitest';
import type { FailureCode } from '#contracts/vendor.ts';
import { failureOfChain, linkOrder, nextLink } from './links.ts';
import type { Attempt, Link } from './links.ts';

type Named = Link<string>;
const link = (vendor: string, isOut = false): Named => ({
  vendor,
  isOut: () => isOut,
  failed: () => undefined,
});
const attempt = (of: Named, code: FailureCode = 'unreachable'): Attempt<Named> => ({
  link: of,
  failure: { vendor: of.vendor, role: 'language-model', code, message: `${of.vendor}: ${code}` },
});

describe('who is asked next', () => {
  const [a, b] = [link('a'), link('b')];

  test('goes by the order, each once', () => {
    expect(nextLink([a, b], [])).toBe(a);
    expect(nextLink([a, b], [attempt(a)])).toBe(b);
    expect(nextLink([a, b], [attempt(a), attempt(b)])).toBeUndefined();
  });

  test('passes over a key that is out, but not if nothing else is left', () => {
    const out = link('out', true);
    expect(nextLink([out, a], [])).toBe(a);
    expect(nextLink([out, a], [attempt(a)])).toBe(out);
  });

  test('gives a connection that ended in the middle one more try, after all others', () => {
    const closed = attempt(a, 'closed');
    expect(nextLink([a, b], [closed])).toBe(b);
    expect(nextLink([a, b], [closed, attempt(b)])).toBe(a);
    expect(nextLink([a, b], [closed, attempt(b), closed])).toBeUndefined();
  });

  test('remembers for the call who failed', () => {
    const order = linkOrder([a, b]);
    order.failed(attempt(a));
    expect(order.next([])).toBe(b);
    expect(order.nextBeside([], [b])).toBe(a);
  });
});

test('the failure of a chain names every link; that of a single one is its own', () => {
  const [a, b] = [link('a'), link('b')];
  expect(failureOfChain([attempt(a)])).toEqual(attempt(a).failure);
  expect(failureOfChain([attempt(a), attempt(b, 'timeout')])).toEqual({
    vendor: 'a, b',
    role: 'language-model',
    code: 'timeout',
    message: 'a: unreachable; b: timeout',
  });
});
