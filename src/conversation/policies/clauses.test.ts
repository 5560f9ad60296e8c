import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { takeClauses, takeWords } from './clauses.ts';

const ready = (text: string, isFirst = false): string => takeClauses(text, isFirst).ready;

describe('a sentence', () => {
  test('is spoken once it has ended, which white space shows', () => {
    expect(ready('We are open.')).toBe('');
    expect(ready('We are open. ')).toBe('We are open. ');
    expect(ready('Really?! “Yes.” And th')).toBe('Really?! “Yes.” ');
    expect(ready('First line\nsecond')).toBe('First line\n');
  });

  test('does not end at an abbreviation, an initial, a time or a price', () => {
    expect(ready('Ask for Dr. ')).toBe('');
    expect(ready('Ask for Dr. Smith. Then ')).toBe('Ask for Dr. Smith. ');
    expect(ready('At 5 p.m. tomorrow')).toBe('');
    expect(ready('J. S. Bach')).toBe('');
    expect(ready('It costs 3.50 today')).toBe('');
    expect(ready('It costs 3.50. Okay')).toBe('It costs 3.50. ');
  });

  test('does not end at the number of an item, but after one that is said', () => {
    expect(ready('1. Bread and')).toBe('');
    expect(ready('Well: 1. Bread')).toBe('');
    expect(ready('It is gate 7. Go')).toBe('It is gate 7. ');
  });

  test('may be a plain no', () => {
    expect(ready('No. ')).toBe('');
    expect(ready('No. We')).toBe('No. ');
    expect(ready('It is No. 5 today')).toBe('');
  });

  test('of a script without spaces needs none', () => {
    expect(ready('今日は。いい')).toBe('今日は。');
  });
});

describe('the first piece', () => {
  test('may be a clause, so that something is heard soon', () => {
    expect(ready('Of course, we ', true)).toBe('Of course, ');
    expect(ready('Of course, we ', false)).toBe('');
  });

  test('is not so short that it sounds clipped', () => {
    expect(ready('Well, we ', true)).toBe('');
    expect(ready('It is 10:30 or 1,000 ', true)).toBe('');
  });
});

describe('a model that never punctuates', () => {
  test('is not waited for for ever', () => {
    const text = 'and then we go on and on '.repeat(8);
    expect(ready(`${text}wor`)).toBe(text);
    expect(ready('a'.repeat(161))).toHaveLength(161);
  });

  test('is cut at a comma if there is one', () => {
    const text = `we go on, ${'and on '.repeat(30)}`;
    expect(ready(text)).toBe('we go on, ');
  });
});

test('of a thought that has stalled all but the last word is spoken', () => {
  expect(takeWords('We have a ta')).toEqual({ ready: 'We have a ', rest: 'ta' });
  expect(takeWords('We have a ')).toEqual({ ready: 'We have a ', rest: '' });
  expect(takeWords('We')).toEqual({ ready: '', rest: 'We' });
});

test('nothing is lost, and nothing is spoken that has no beginning', () => {
  const pieces = fc.constantFrom(
    'a',
    'No',
    'Dr',
    '1',
    '.',
    '. ',
    ', ',
    ' ',
    '\n',
    '!',
    '。',
    '…” ',
  );
  const texts = fc.oneof(
    fc.array(pieces, { maxLength: 80 }).map((parts) => parts.join('')),
    fc.string({ maxLength: 300 }),
  );
  fc.assert(
    fc.property(texts, fc.boolean(), (text, isFirst) => {
      const taken = takeClauses(text, isFirst);
      expect(taken.ready + taken.rest).toBe(text);
      if (taken.ready !== '') expect(taken.ready.trim()).not.toBe('');
      // What could not be spoken alone waits; it does not wait for ever.
      if (text.trim() !== '' && text.length > 160) expect(taken.ready).not.toBe('');
      const words = takeWords(text);
      expect(words.ready + words.rest).toBe(text);
    }),
  );
});
