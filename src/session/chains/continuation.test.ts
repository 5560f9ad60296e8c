import { describe, expect, test } from 'vitest';
import { joinAfter, wholeWords } from './continuation.ts';

describe('what a second model goes on with', () => {
  test.each([
    ['We close at ', 'nine today.', 'nine today.'],
    ['We close at ', ' nine today.', 'nine today.'],
    ['We close at ', 'We close at nine.', 'nine.'],
    ['Yes. We close at ', 'we close at nine.', 'nine.'],
    ['Sure, ', 'Sure, which day?', 'which day?'],
    ['It is very ', 'very good.', 'very good.'],
    ['We close at nine. ', 'We close at nine.', ''],
    ['We close at nine, ', 'We close at', ''],
    ['我们九点', '关门。', '关门。'],
  ])('after %j, %j brings %j', (given, next, joined) => {
    expect(joinAfter(given, next, true)).toBe(joined);
  });

  test('is not known as long as it may be a repetition', () => {
    expect(joinAfter('We close at ', 'We cl', false)).toBeUndefined();
    expect(joinAfter('We close at ', 'We close at', false)).toBeUndefined();
    expect(joinAfter('We close at ', 'We close at nine ', false)).toBe('nine ');
    expect(joinAfter('We close at ', 'nine ', false)).toBe('nine ');
  });
});

test('a word that may still grow is kept back, but not where words are not parted', () => {
  expect(wholeWords('one tw')).toEqual({ whole: 'one ', rest: 'tw' });
  expect(wholeWords('one ')).toEqual({ whole: 'one ', rest: '' });
  expect(wholeWords('我们九')).toEqual({ whole: '我们九', rest: '' });
});
