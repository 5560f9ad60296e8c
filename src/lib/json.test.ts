import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseStrictJson } from './json.ts';

const faultOf = (text: string): unknown => {
  const result = parseStrictJson(text);
  return result.ok ? 'none' : result.fault;
};

test('whatever JSON.stringify writes is read back the same', () => {
  fc.assert(
    fc.property(
      // Keys of a generated object never repeat; `__proto__` and unstorable text are refused on purpose.
      fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' }).filter((value) => {
        const text = JSON.stringify(value);
        return !text.includes('__proto__') && !text.includes('\\u0000');
      }),
      fc.constantFrom(0, 1, '\t'),
      (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parseStrictJson(text)).toEqual({ ok: true, value: JSON.parse(text) });
      },
    ),
    { numRuns: 500 },
  );
});

test('a text is called broken exactly when JSON.parse throws', () => {
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"',
    '1',
    '-',
    '0',
    '.',
    'e',
    'null',
    '\\',
    ' ',
    'x',
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), (parts) => {
      const text = parts.join('');
      const result = parseStrictJson(text);
      let parses = true;
      try {
        JSON.parse(text);
      } catch {
        parses = false;
      }
      const isBroken = !result.ok && result.fault.kind === 'syntax';
      expect(isBroken).toBe(!parses);
    }),
    { numRuns: 5_000 },
  );
});

test('a key given twice is named by its path, however it is spelt', () => {
  expect(faultOf('{"a":1,"a":2}')).toEqual({ kind: 'duplicate-key', path: ['a'] });
  expect(faultOf('{"x":[0,{"b":{},"\\u0062":2}]}')).toEqual({
    kind: 'duplicate-key',
    path: ['x', 1, 'b'],
  });
  expect(faultOf('[{"a":1},{"a":2}]')).toBe('none');
});

test('a key of an inner object does not collide with the same key outside', () => {
  expect(faultOf('{"a":{"a":{"a":1}},"b":1}')).toBe('none');
});

test('__proto__ is refused, however it is spelt', () => {
  expect(faultOf('{"__proto__":{}}')).toEqual({ kind: 'forbidden-key', path: ['__proto__'] });
  expect(faultOf('{"a":{"\\u005f_proto__":{}}}')).toMatchObject({ kind: 'forbidden-key' });
});

test('nesting has a limit, and a million brackets overflow nothing', () => {
  expect(faultOf('['.repeat(33) + ']'.repeat(33))).toEqual({
    kind: 'too-deep',
    position: 32,
    maxDepth: 32,
  });
  expect(faultOf('['.repeat(32) + ']'.repeat(32))).toBe('none');
  expect(faultOf('{"a":'.repeat(1_000_000))).toMatchObject({ kind: 'too-deep' });
});

test('text that cannot be stored is found in values and in keys', () => {
  expect(faultOf('{"a":["x\\u0000"]}')).toEqual({ kind: 'nul-character', path: ['a', 0] });
  expect(faultOf('{"x\\u0000":1}')).toMatchObject({ kind: 'nul-character' });
  expect(faultOf('{"a":"\\ud83d"}')).toEqual({ kind: 'lone-surrogate', path: ['a'] });
  expect(faultOf('{"a":"\\ud83d\\ude00"}')).toBe('none');
});

test('the position of a fault is told', () => {
  expect(faultOf('{"a":tru}')).toEqual({ kind: 'syntax', position: 5 });
  expect(faultOf('{"a":1,}')).toEqual({ kind: 'syntax', position: 7 });
  expect(faultOf('')).toEqual({ kind: 'syntax', position: 0 });
  expect(faultOf('{} x')).toEqual({ kind: 'syntax', position: 3 });
});
