import { describe, expect, test } from 'vitest';
import { replayed } from './replay.ts';
import type { Replay } from './replay.ts';

/** What is said of each, one after the other. */
const said = (
  before: Replay,
  ...heard: readonly Parameters<typeof replayed>[1][]
): readonly string[] => {
  let replay = before;
  return heard.flatMap((one) => {
    const next = replayed(replay, one);
    replay = next.replay;
    return next.say && 'text' in next.say ? `${next.say.type}: ${next.say.text}` : [];
  });
};
const interim = (text: string) => ({ type: 'interim', text }) as const;
const end = (text: string) => ({ type: 'end', text }) as const;

describe('a recogniser that hears the same once more', () => {
  test('says nothing that was said, and goes on with what is new', () => {
    const before = { ahead: 'two tables', repeatable: '' };
    expect(said(before, interim('two'), interim('two tables'), end('two tables please'))).toEqual([
      'interim: two tables',
      'end: two tables please',
    ]);
  });

  test('closes no segment of words that it has yet to come to', () => {
    const before = { ahead: 'for seven people', repeatable: 'a table and' };
    expect(said(before, end('and'), interim('for seven people'), end('for seven people'))).toEqual([
      'interim: for seven people',
      'end: for seven people',
    ]);
  });

  test('is in the middle of what was said before it comes to its end', () => {
    const before = { ahead: '', repeatable: 'a table and' };
    expect(said(before, interim('table'), interim('table and'), end('table and chairs'))).toEqual([
      'interim: ',
      'interim: ',
      'end: chairs',
    ]);
  });
});
