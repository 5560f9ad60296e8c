import { expect, test } from 'vitest';
import {
  hasWords,
  isBackchannel,
  isClosing,
  normalise,
  soundsUnfinished,
  wordsAfter,
} from './words.ts';

test.each([
  'mm-hm',
  'Mm-hmm.',
  'yeah, okay',
  'Uh-huh.',
  'I see.',
  'Okay, got it.',
  'All right',
  'Yes.',
  'Yeah, I',
  '…',
  '',
])('"%s" shows that somebody listens', (text) => {
  expect(isBackchannel(text)).toBe(true);
});

test.each([
  'no',
  'okay stop',
  'yes please',
  'I see a problem',
  'I want',
  'wait',
  'mmm no',
  '5',
  "I'd",
])('"%s" wants the floor', (text) => {
  expect(isBackchannel(text)).toBe(false);
});

test.each([
  'Bye.',
  'okay, thank you, bye',
  'Thanks so much!',
  'Have a nice day',
  'You too. Goodbye',
  'Thank',
])('"%s" is said at parting', (text) => {
  expect(isClosing(text)).toBe(true);
});

test.each(['', 'okay', 'Thank you, but one more thing', 'bye the way', 'wait', 'Have a table'])(
  '"%s" is no parting',
  (text) => {
    expect(isClosing(text)).toBe(false);
  },
);

test.each([
  'I would like to',
  'My number is',
  'My number is.',
  'a table for two and',
  'and.',
  'Well,',
  'it costs…',
  'let me see...',
  'um',
  'Um.',
  'I want the',
  'It is from',
])('after "%s" more will come', (text) => {
  expect(soundsUnfinished(text)).toBe(true);
});

test.each([
  'How are you?',
  'how are you',
  'Thank you.',
  'thank you',
  'Yes, I do.',
  'Where are you from?',
  'I think so.',
  'five five five',
  'That is all.',
  'No',
  'Is it?',
  '',
])('"%s" may be all', (text) => {
  expect(soundsUnfinished(text)).toBe(false);
});

test('words compare without case and punctuation, in any script', () => {
  expect(normalise('  It’s FINE,  really! ')).toBe('it s fine really');
  expect(normalise("Don't — stop")).toBe("don't stop");
  expect(normalise('Grüße, 東京!')).toBe('grüße 東京');
});

test('what has neither letter nor digit has no words', () => {
  expect(['', ' … ', '–', '?!', '👍'].map(hasWords)).toEqual([false, false, false, false, false]);
  expect(['a', '7', 'é', '東'].map(hasWords)).toEqual([true, true, true, true]);
});

test('what follows known words is found however they are written', () => {
  expect(wordsAfter('Two, please.', 'two')).toBe('please.');
  expect(wordsAfter('I want a table. For two', 'i want a table')).toBe('For two');
  expect(wordsAfter('two', 'Two.')).toBe('');
  expect(wordsAfter('5,000 dollars', '5 000')).toBe('dollars');
  expect(wordsAfter('twofold', 'two')).toBeUndefined();
  expect(wordsAfter('for two', 'two')).toBeUndefined();
  expect(wordsAfter('two', 'two please')).toBeUndefined();
});
