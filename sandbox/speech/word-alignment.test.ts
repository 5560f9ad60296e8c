import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { alignWords } from './word-alignment.ts';
import type { Phone } from './word-alignment.ts';

const said = (names: string): readonly Phone[] =>
  names.split(' ').map((name, i) => ({ name, startMs: 100 * i, endMs: 100 * (i + 1) }));

const align = (words: readonly string[], names: string): readonly (readonly [number, number])[] =>
  alignWords(
    words.map((word) => word.split(' ').filter((name) => name !== '')),
    said(names),
  ).map(({ from, to }) => [from, to]);

describe('aligning words with phones', () => {
  test('phones said as they are alone go to their words', () => {
    expect(align(['ay l', 'p ey'], 'ay l p ey')).toEqual([
      [0, 2],
      [2, 4],
    ]);
  });

  test('a vowel that changed in the sentence stays with its word', () => {
    expect(align(['dh ax', 'ae p ax l'], 'dh iy ae p ax l')).toEqual([
      [0, 2],
      [2, 6],
    ]);
  });

  test('an abbreviation that is read otherwise does not move its neighbours', () => {
    expect(align(['ae s k', 'd r ay v', 's m ih th'], 'ae s k d aa k t er s m ih th')).toEqual([
      [0, 3],
      [3, 8],
      [8, 12],
    ]);
  });

  test('a word without phones has none', () => {
    expect(align(['y eh s', '', 'ow'], 'y eh s ow')).toEqual([
      [0, 3],
      [0, 0],
      [3, 4],
    ]);
  });

  test('whatever the phones are, words stay in order and share none', () => {
    const phone = fc.constantFrom('aa', 'iy', 's', 't', 'n');
    fc.assert(
      fc.property(
        fc.array(fc.array(phone, { maxLength: 4 }), { minLength: 1, maxLength: 6 }),
        fc.array(phone, { minLength: 1, maxLength: 20 }),
        (words, names) => {
          const spans = alignWords(words, said(names.join(' '))).filter(
            ({ from, to }) => to > from,
          );
          for (const [i, span] of spans.entries()) {
            expect(span.from).toBeGreaterThanOrEqual(spans[i - 1]?.to ?? 0);
            expect(span.to).toBeLessThanOrEqual(names.length);
          }
        },
      ),
    );
  });
});
