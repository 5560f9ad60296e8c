import { expect, test } from 'vitest';
import { isSpeakable, sendableLength } from './speakable-text.ts';

test.each([
  ['Hello there.', 'Hello there.'],
  ['Hello, wor', 'Hello, '],
  ['Hello ', 'Hello '],
  ['wor', ''],
  ['It is 3.', 'It is '],
  ['It costs $1,', 'It costs '],
  ['at 7:', 'at '],
  ['Really?', 'Really?'],
  ['He said "no."', 'He said "no."'],
  ['Well…', 'Well…'],
  ['一つ、二つ', ''],
  ['一つ。', '一つ。'],
  ['', ''],
])('of "%s" may be sent "%s"', (text, sendable) => {
  expect(text.slice(0, sendableLength(text))).toBe(sendable);
});

test.each([
  ['Hello', true],
  ['42', true],
  ['東京', true],
  [' … ', false],
  ['👋', false],
])('"%s" makes a sound: %s', (text, speakable) => {
  expect(isSpeakable(text)).toBe(speakable);
});
