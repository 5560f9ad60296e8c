import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { policyWith, talk } from '#test/support/conversation.ts';
import { journalOf } from '#test/support/recorded-talk.ts';
import { randomTalks } from '#test/support/random-talks.ts';
import { defaultPolicy } from './policy-fields.ts';
import { readJournal } from './read-journal.ts';
import { differencesOf, replay, turnDifferencesOf } from './replay.ts';

const call = talk(policyWith(), { thoughts: ['Of course.'] });
call.say('I want a table.');
call.toEnd();
const entries = journalOf(call);
const [head, ...rest] = entries;
const changed = (change: object): unknown => ({ ...Object(head), ...change });

describe('a journal', () => {
  test('replays with the same effects, whatever the call was like', () => {
    fc.assert(
      fc.property(randomTalks, (play) => {
        const replayed = replay(readJournal(journalOf(play())));
        expect(replayed.fault).toBeUndefined();
        expect(differencesOf(replayed)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test('shows where something else was done, with both', () => {
    const other = JSON.stringify(entries).replace('set-timer endpoint +', 'set-timer endpoint +1');
    const parsed: unknown = JSON.parse(other);
    const [difference, ...more] = differencesOf(
      replay(readJournal(Array.isArray(parsed) ? parsed : [])),
    );
    expect(more).toEqual([]);
    expect(difference?.turn).toBe(0);
    expect(difference?.was[0]).toMatch(/^set-timer endpoint \+1/);
    expect(difference?.wouldBe[0]).toMatch(/^set-timer endpoint \+/);
    expect(difference?.was).toHaveLength(1);
  });

  test('of a call that was taken over is that of the process that led it last', () => {
    const recording = readJournal([...entries, ...entries]);
    expect(recording.steps).toEqual(readJournal(entries).steps);
    expect(recording.warnings).toEqual([
      'The call was taken over by another process: only what that one led is replayed.',
    ]);
    expect(differencesOf(replay(recording))).toEqual([]);
  });

  test('of a later version says so instead of being misread', () => {
    const later = [changed({ version: 2, code: '9.0.0+12345678' }), ...rest];
    expect(() => readJournal(later)).toThrow(/version 2, of program 9.0.0\+12345678/);
  });

  test.each([
    [[], /has no journal/],
    [rest, /before version 1/],
    [[head, ...rest.slice(2)], /its beginning is missing/],
    [[head, rest[0], { atMs: 5, type: 'sneezed' }], /Entry 3 .*its type is "sneezed"/],
    [[head, rest[0], { atMs: 5, type: 'key' }], /Entry 3 .*key: digit/],
    [
      [head, rest[0], { atMs: 5, type: 'key', digit: '1' }, { atMs: 4, type: 'heard-resumed' }],
      /lies before/,
    ],
    [[{ atMs: 0, type: 'journal' }], /damaged/],
  ])('that cannot be replayed says why: %#', (journal, why) => {
    expect(() => readJournal(journal)).toThrow(why);
  });

  test('of another policy replays with defaults for what is new, and names what is gone', () => {
    const policy: unknown = Object(head).policy;
    const { bargeIn: _gone, ...others } = Object(policy);
    const old = changed({ policy: { ...others, endpointing: { silenceMs: 700, patience: 3 } } });
    const recording = readJournal([old, ...rest]);
    expect(recording.policy.endpointing.silenceMs).toBe(700);
    expect(recording.policy.bargeIn).toEqual(defaultPolicy().bargeIn);
    expect(recording.warnings).toContain(
      'The journal says nothing of bargeIn.minSpeechMs: its default stands in.',
    );
    expect(recording.warnings).toContain(
      'The setting endpointing.patience is not known any more, and has no effect.',
    );
  });

  test('from before version 1 is compared by its turns, with the settings of today', () => {
    const inputs = rest.filter((entry) => 'type' in Object(entry));
    const recording = readJournal(inputs, call.policy);
    expect(recording.warnings[0]).toMatch(/before version 1/);
    const replayed = replay(recording);
    expect(differencesOf(replayed)).toEqual([]);
    expect(turnDifferencesOf(replayed, call.turns)).toEqual([]);
    const [first, ...others] = call.turns;
    if (!first) throw new Error('the call has turns');
    expect(turnDifferencesOf(replayed, [{ ...first, text: 'Else.' }, ...others])).toMatchObject([
      { turn: 0 },
    ]);
  });
});
