import { expect, test } from 'vitest';
import { mergePatchOf } from './merge-patch.ts';

test.each([
  [{ a: 1 }, { a: 1 }, undefined],
  [{ a: 1 }, { a: 2 }, { a: 2 }],
  [{ a: 1, b: 2 }, { b: 2 }, { a: null }],
  [{ a: { b: 1, c: 2 } }, { a: { b: 1, c: 3 } }, { a: { c: 3 } }],
  [{ a: { b: 1 } }, { a: {} }, { a: { b: null } }],
  [{ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, undefined],
  // A list is replaced as a whole.
  [{ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }, { a: [1, { b: 3 }] }],
  [{ a: [1] }, { a: { b: 1 } }, { a: { b: 1 } }],
  [{}, { a: { b: null } }, { a: { b: null } }],
])('%j becomes %j by %j', (before, after, patch) => {
  expect(mergePatchOf(before, after)).toEqual(patch);
});
