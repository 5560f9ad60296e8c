import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countSpoken, spokenTokens, tokensOf, wordsOfText } from './spoken-words.ts';
import { contextOf, endOfTaken, unanswered } from './transcript.ts';

const count = (speech: string, spoken: string): number =>
  countSpoken(wordsOfText(speech, 0), tokensOf(spoken));

describe('how much of a speech was spoken', () => {
  test.each([
    ['It is open until nine.', 'It is open', 3],
    ['It is open until nine.', 'it is OPEN until nine', 5],
    ['It is open until nine.', '', 0],
    ['It is open until nine.', 'Something else entirely', 0],
    ["Well – don't worry.", 'well dont worry', 4],
    ['A well-known place.', 'a well known', 2],
    ['A well-known place.', 'a well', 1],
    ['That is 5 dollars in all.', 'that is five dollars in all', 6],
    ['I do not know that.', "I don't know that", 5],
    ['你好，很高兴。', '你好 很高兴', 1],
  ])('"%s", shown as "%s": %i words', (speech, spoken, words) => {
    expect(count(speech, spoken)).toBe(words);
  });

  test('also behind words of an earlier speech that came in late', () => {
    expect(count('I have to go now.', 'we are open until I have to')).toBe(3);
  });

  test('one word alike is no sign that both go on alike', () => {
    expect(count('The sun is up.', 'moon and the stars')).toBe(0);
  });

  test('is never more than what was spoken of it, wherever it was cut', () => {
    const words = fc.array(fc.constantFrom('no', 'yes', 'well', 'then', 'go', 'on'), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(words, fc.nat(12), (speech, cut) => {
        const at = Math.min(cut, speech.length);
        expect(count(`${speech.join(', ')}.`, speech.slice(0, at).join(' '))).toBe(at);
      }),
    );
  });
});

describe("the caller's words that were taken", () => {
  const end = (taken: string, words: string): number =>
    endOfTaken(taken.split(' '), words.split(' '));

  test.each([
    ['I want a table', 'I want a table for two', 4],
    ['I want the table', 'I want table for two', 3],
    ['one table', 'I want one table please', 4],
    ['I want', 'I', 1],
  ])('"%s" ends in "%s" after %i words', (taken, words, at) => {
    expect(end(taken, words)).toBe(at);
  });

  test('none were', () => {
    expect(endOfTaken([], ['hello'])).toBe(0);
  });
});

describe('a transcript of another process', () => {
  test('is a context in which every tool call has its result', () => {
    expect(
      contextOf([
        { role: 'agent', text: 'Hello' },
        { role: 'key', digit: '1' },
        { role: 'tool-result', callId: 'z', result: 'of nothing' },
        { role: 'tool-call', callId: 'a', name: 'find', arguments: '{}' },
        { role: 'caller', text: 'Hm' },
        { role: 'tool-result', callId: 'a', result: 'found' },
        { role: 'tool-call', callId: 'b', name: 'book', arguments: '{}' },
      ]),
    ).toEqual([
      { role: 'agent', text: 'Hello' },
      { role: 'note', text: 'The caller pressed 1 on the keypad.' },
      { role: 'tool-call', callId: 'a', name: 'find', arguments: '{}' },
      { role: 'tool-result', callId: 'a', result: 'found' },
      { role: 'caller', text: 'Hm' },
      { role: 'tool-call', callId: 'b', name: 'book', arguments: '{}' },
      { role: 'tool-result', callId: 'b', result: 'Unknown: the connection was lost meanwhile.' },
    ]);
  });

  test('ends with what nobody has answered yet', () => {
    expect(
      unanswered([
        { role: 'caller', text: 'Hi' },
        { role: 'agent', text: 'Hello' },
        { role: 'caller', text: 'I want' },
        { role: 'caller', text: 'a table' },
      ]),
    ).toEqual({
      before: [
        { role: 'caller', text: 'Hi' },
        { role: 'agent', text: 'Hello' },
      ],
      text: 'I want a table',
    });
  });
});

test('a speech that was cut in upon and goes on counts up to the cut, or wholly if nothing was cut', () => {
  const speech = wordsOfText('We open at nine. On Sundays we open at ten.', 0);
  const spoken = (first: string, then: string): number =>
    countSpoken(
      speech,
      spokenTokens([
        { role: 'agent', text: first },
        { role: 'caller', text: 'Hm.' },
        { role: 'agent', text: then },
      ]),
    );
  expect(spoken('We open at', 'On Sundays we open at ten.')).toBe(3);
  expect(spoken('We open at nine.', 'On Sundays we open at ten.')).toBe(10);
  expect(spoken('We open', 'at nine. On Sundays')).toBe(6);
});
