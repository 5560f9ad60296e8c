import { expect, test } from 'vitest';
import { cutSentences } from './sentences.ts';

test.each([
  ['Hello', '', 'Hello'],
  ['Hello.', 'Hello.', ''],
  ['Hello. How are', 'Hello. ', 'How are'],
  ['He said "Stop!" and', 'He said "Stop!" ', 'and'],
  ['Well… all right?', 'Well… all right?', ''],
  // The number may go on, and so may a name after its title.
  ['It costs 3.', '', 'It costs 3.'],
  ['It costs 3. Or', 'It costs 3. ', 'Or'],
  ['Ask for Dr.', '', 'Ask for Dr.'],
  ['Ask for Dr. Smith. Then', 'Ask for Dr. Smith. ', 'Then'],
  ['One, two, three', '', 'One, two, three'],
  ['您好。请问', '您好。', '请问'],
  ['  …', '', '  …'],
])('%j is cut into %j and %j', (text, whole, rest) => {
  expect(cutSentences(text)).toEqual({ whole, rest });
});

test('a sentence that does not end is cut at a space before it gets too long', () => {
  const { whole, rest } = cutSentences('word '.repeat(200));
  expect(whole.length).toBeGreaterThan(500);
  expect(whole.length).toBeLessThanOrEqual(600);
  expect(whole.endsWith(' ')).toBe(true);
  expect(whole + rest).toBe('word '.repeat(200));
  expect(cutSentences('x'.repeat(700)).whole).toHaveLength(600);
});
