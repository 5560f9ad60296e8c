import { describe, expect, test } from 'vitest';
import { compareOpening, compareSpoken } from './fidelity.ts';

describe('the beginning of a transcript', () => {
  const text = 'I would like to book a table.';
  test.each([
    ['', false, 'open'],
    ['I', false, 'open'],
    ['I ', false, 'agrees'],
    ['Sure!', false, 'open'],
    ['Sure! I would love', false, 'deviates'],
    ['Of course, when', false, 'open'],
    ['Of course, when?', false, 'deviates'],
    ['Of', true, 'deviates'],
    ['', true, 'deviates'],
    ['i would', true, 'agrees'],
    ['You would ', false, 'agrees'],
  ] as const)('%j (whole: %s) %s', (transcript, isWhole, opening) => {
    expect(compareOpening(text, transcript, isWhole)).toBe(opening);
  });

  test('may write a number in any way', () => {
    expect(compareOpening('25 % off', 'Twenty-five', false)).toBe('agrees');
  });

  test('of a single word is decided by that word', () => {
    expect(compareOpening('Goodbye!', 'Goodbye!', false)).toBe('agrees');
    expect(compareOpening('Goodbye!', 'Bye!', false)).toBe('deviates');
  });
});

describe('a whole transcript', () => {
  test.each([
    ['We open at 8. See you!', 'We open at 8. See you!', false, ''],
    ['We open at 8. See you!', 'we open at 8 see you', false, ''],
    ['That’s fine.', "That's fine.", false, ''],
    ['We open at 8. See you!', 'We open at 8.', true, 'See you!'],
    ['No, no, no, thank you.', 'No, no,', true, 'no, thank you.'],
    ['We open at 8. See you!', '', true, 'We open at 8. See you!'],
    ['It costs $25 in all.', 'It costs twenty-five dollars in all.', true, ''],
    // The end was put otherwise: to say it again would double it.
    ['It costs $25.', 'It costs twenty-five dollars.', true, ''],
    ['We open at eight.', 'We open at eight. Anything else?', true, ''],
    ['Ça va: 東京.', 'Ça va: 東京.', false, ''],
    ['…', '', false, ''],
  ])('of %j as %j', (text, transcript, differs, missingEnd) => {
    expect(compareSpoken(text, transcript)).toEqual({ differs, missingEnd });
  });
});
