import { describe, expect, test } from 'vitest';
import { truthOf } from './heard-words.ts';

const REPLY = 'With pleasure, there is a lot to tell. The house is old.';
const LINE = 'Please tell me everything.';
const CUT_IN = 'Stop there please.';
const user = (text: string) => ({ role: 'user', text });
const agent = (text: string) => ({ role: 'assistant', text });

function truth(heard: string, ...contexts: { role: string; text: string }[][]) {
  return truthOf({
    reply: REPLY,
    heard: heard.split(' '),
    line: LINE,
    cutIn: CUT_IN,
    requests: contexts.map((messages, atMs) => ({ atMs, messages })),
  });
}

describe('truthOf', () => {
  test('finds nothing wrong with a context that holds what was heard', () => {
    const context = [user(LINE), agent('With pleasure, there is'), user(CUT_IN)];
    expect(truth('With pleasure, there is', context)).toEqual({ unheard: 0, missing: 0 });
  });

  test('counts the words that were never heard, but for one that was broken off', () => {
    const context = [user(LINE), agent(REPLY), user(CUT_IN)];
    expect(truth('With pleasure, there is', context)).toEqual({ unheard: 7, missing: 0 });
  });

  test('counts the words that were heard and are missing', () => {
    const context = [user(LINE), agent('With pleasure'), user(CUT_IN)];
    expect(truth('With pleasure, there is', context)).toEqual({ unheard: 0, missing: 2 });
  });

  test('takes a reply that comes into the context one turn late for missing, and for kept', () => {
    const first = [user(LINE), user(CUT_IN)];
    const second = [user(LINE), agent(REPLY), user(CUT_IN), agent('Of course.'), user('Next?')];
    expect(truth('With pleasure', first, second)).toEqual({ unheard: 9, missing: 2 });
  });

  test('goes by the last of the requests that answered the interruption', () => {
    const trial = [user(LINE), user(CUT_IN)];
    const final = [user(LINE), agent('With pleasure'), user(CUT_IN)];
    expect(truth('With pleasure', trial, final)).toEqual({ unheard: 0, missing: 0 });
  });

  test('passes over a word that the ear has missed', () => {
    const context = [user(LINE), agent('With pleasure, there is'), user(CUT_IN)];
    expect(truth('With there is', context)).toEqual({ unheard: 0, missing: 0 });
  });

  test('says nothing of an interruption that no request answered', () => {
    expect(truth('With', [user(LINE)])).toBeUndefined();
  });
});
