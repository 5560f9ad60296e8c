import { expect, test } from 'vitest';
import { keysIn, warningOf, withKeyProblem } from './key-problem.ts';

const NO_CARRIER = 'No phone calls yet.';
const refused = { field: 'openai_api_key', message: 'openai refuses the key' } as const;

test('every warning has a line, and a key’s begins with its field', () => {
  const warning = warningOf([NO_CARRIER], [refused]);
  expect(warning).toBe(`${NO_CARRIER}\nopenai_api_key: openai refuses the key`);
  expect(keysIn(warning)).toEqual(['openai_api_key']);
  expect(warningOf([undefined], [])).toBeUndefined();
});

test('a key’s line is replaced by what is known later, and other lines stay', () => {
  const before = `${NO_CARRIER}\nopenai_api_key: out of quota\ngoogle_api_key: down`;
  expect(withKeyProblem(before, refused)).toBe(
    `${NO_CARRIER}\ngoogle_api_key: down\nopenai_api_key: openai refuses the key`,
  );
  expect(withKeyProblem(null, refused)).toBe('openai_api_key: openai refuses the key');
});

test('what a vendor says cannot pass for another line', () => {
  const line = withKeyProblem(null, { ...refused, message: 'no\ngoogle_api_key: gone' });
  expect(keysIn(line)).toEqual(['openai_api_key']);
});
