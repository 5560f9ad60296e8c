import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { positionAfter } from './remaining-text.ts';

const rest = (text: string, ...words: string[]): string => text.slice(positionAfter(text, words));

describe('where to go on in a text', () => {
  test.each([
    ['Hello, world.', ['Hello'], 'world.'],
    ['Hello, world.', ['Hello,'], 'world.'],
    ['Hello, world.', [], 'Hello, world.'],
    ['Hello, world. ', ['hello', 'World'], ''],
    ['It costs $5 today.', ['It', 'costs'], '$5 today.'],
    ['He said "no" twice.', ['He', 'said'], '"no" twice.'],
    ['A well-known name.', ['A', 'well'], 'known name.'],
    ['A well-known name.', ['A', 'well-known'], 'name.'],
    ['I don’t know.', ['I', "don't"], 'know.'],
    ['No, no, no thanks.', ['No', 'no'], 'no thanks.'],
    ['明天见面。', ['明', '天'], '见面。'],
  ])('%j after %j is %j', (text, words, left) => {
    expect(rest(text, ...words)).toBe(left);
  });

  test('a number that is spelt out is passed over once a later word was spoken', () => {
    expect(rest('We have 25 rooms left.', 'We', 'have', 'twenty', 'five', 'rooms')).toBe('left.');
  });

  test('a number that is being spelt out is said again whole', () => {
    expect(rest('We have 25 rooms.', 'We', 'have', 'twenty')).toBe('25 rooms.');
  });

  test('a last word in another spelling counts', () => {
    expect(rest('Ask Dr. Brown.', 'Ask', 'Doctor')).toBe('Brown.');
  });

  test('never goes back, and ends where all was spoken', () => {
    const word = fc.constantFrom('no', 'no,', 'a', 'seven', 'twenty-one', '“yes”', '3', 'it’s');
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), (words) => {
        const text = words.join(' ');
        const positions = words.map((_, count) => positionAfter(text, words.slice(0, count)));
        expect(positions).toEqual(positions.toSorted((one, two) => one - two));
        words.forEach((_, count) =>
          expect(text.slice(positions[count])).toBe(words.slice(count).join(' ')),
        );
        expect(positionAfter(text, words)).toBe(text.length);
      }),
    );
  });
});
