import fc from 'fast-check';
import { expect, test } from 'vitest';
import { takePieces } from './pieces.ts';

test.each([
  ['Hello there.', ['Hello there.'], ''],
  ['Hello there. How are you?', ['Hello there. ', 'How are you?'], ''],
  ['Sure, ', ['Sure, '], ''],
  ['Hello there. How are y', ['Hello there. '], 'How are y'],
  ['Dr. Smith, e.g. at 3.50, is here.', ['Dr. Smith, e.g. at 3.50, is here.'], ''],
  ['今日は。元気？', ['今日は。', '元気？'], ''],
  ['One.\n…\nTwo.', ['One.\n', 'Two.'], ''],
])('%j is spoken as %j', (text, pieces, rest) => {
  expect(takePieces(text, false)).toEqual({ pieces, rest });
});

test('the last piece waits for nothing', () => {
  expect(takePieces('How are y', true)).toEqual({ pieces: ['How are y'], rest: '' });
});

test('nothing is lost but silence, and no piece grows too long', () => {
  const word = fc.constantFrom(
    'yes',
    'No',
    'table',
    'a'.repeat(500),
    '3.5',
    '—',
    '.',
    '!',
    ',',
    '\n',
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 200 }), fc.boolean(), (words, isLast) => {
      const text = words.join(' ');
      const { pieces, rest } = takePieces(text, isLast);
      const spoken = (part: string): string => part.replaceAll(/[^\p{L}\p{N}]/gu, '');
      expect(spoken(pieces.join('') + rest)).toBe(spoken(text));
      for (const piece of pieces) {
        expect(piece.length).toBeLessThanOrEqual(400);
        expect(spoken(piece)).not.toBe('');
      }
      if (isLast) expect(rest).toBe('');
    }),
  );
});
