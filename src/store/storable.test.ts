import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { storable, storableText } from './storable.ts';

test('no text keeps a NUL or half a surrogate pair, and no other text changes', () => {
  const anything = fc.array(fc.integer({ min: 0, max: 0xff_ff })).map((units) => {
    return String.fromCharCode(...units);
  });
  fc.assert(
    fc.property(fc.oneof(anything, fc.string({ unit: 'binary' })), (text) => {
      const clean = storableText(text);
      expect(clean.isWellFormed()).toBe(true);
      expect(clean).not.toContain('\0');
      if (text.isWellFormed() && !text.includes('\0')) expect(clean).toBe(text);
      expect(clean).toHaveLength(text.length);
    }),
  );
});

test('JSON is cleaned wherever a text stands in it, and is otherwise the very same', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
      const json = JSON.stringify(storable(value));
      expect(json).not.toMatch(/(?<!\\)(\\\\)*\\u(0000|d[89a-f]..)/i);
      if (!JSON.stringify(value).includes('\\u')) expect(storable(value)).toBe(value);
    }),
  );
  expect(storable({ 'a\0': ['\ud800', { b: '\\u0000' }] })).toEqual({
    'a\uFFFD': ['\uFFFD', { b: '\\u0000' }],
  });
});
