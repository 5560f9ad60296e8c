import { expect, test } from 'vitest';
import { partHeard } from './heard-text.ts';

test.each([
  ['Hello there, Anna.', 'Hello there,', 'Hello there,', 'Anna.'],
  ['Hello  there, Anna.', 'Hello there,', 'Hello  there,', 'Anna.'],
  ['Hello there.', 'Hello there.', 'Hello there.', ''],
  ['Hello there.', '', '', 'Hello there.'],
  // What was heard is not how it begins: nothing is struck through that might have been heard.
  ['Hello there.', 'Good day', 'Good day', ''],
])('of "%s" heard as "%s" the rest was not', (text, heard, whole, unheard) => {
  expect(partHeard(text, heard)).toEqual({ heard: whole, unheard });
});
