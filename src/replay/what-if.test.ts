import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { policyWith, talk } from '#test/support/conversation.ts';
import type { Talk } from '#test/support/conversation.ts';
import { journalOf } from '#test/support/recorded-talk.ts';
import { randomTalks } from '#test/support/random-talks.ts';
import { asksOf } from './asks.ts';
import { effectLine } from './effect-line.ts';
import { readPolicyChange } from './policy-fields.ts';
import { readJournal } from './read-journal.ts';
import { differencesOf, replay } from './replay.ts';
import { rerun } from './rerun.ts';
import { whatIf } from './what-if.ts';

const replayedTalk = (call: Talk) => replay(readJournal(journalOf(call)));

const again = (call: Talk, ...changes: readonly string[]) =>
  whatIf(replayedTalk(call), changes.map(readPolicyChange));

/** A line for each row: what became of it, and the time from the caller's last word to the first of the answer. */
const story = ({ rows }: ReturnType<typeof whatIf>): readonly string[] =>
  rows.map((row) => {
    if (row.is === 'unknown')
      return `? at ${row.atMs}: ${row.why}; ${row.resumesMs === undefined ? 'to the end' : `until ${row.resumesMs}`}`;
    const { was, wouldBe, verdict } = row;
    const played = [was, wouldBe].map((one) => one?.waterfallMs.played ?? '–').join(' → ');
    const facts = was ?? wouldBe;
    return `${verdict} ${facts?.role}: ${facts?.heard}${facts?.role === 'agent' ? ` ${played}` : ''}`;
  });

describe('leading a call again', () => {
  test('with nothing changed does the same at the same moments, whatever the call was like', () => {
    fc.assert(
      fc.property(randomTalks, (play) => {
        const call = play();
        const replayed = replayedTalk(call);
        expect(differencesOf(replayed)).toEqual([]);
        const [first] = replayed.steps;
        if (!first) throw new Error('a call has steps');
        const run = rerun(asksOf(replayed.steps), { state: first.before, from: -1, atMs: 0 });
        const lines = (effects: Talk['effects']): readonly string[] =>
          effects.map((effect) => `${effect.atMs} ${effectLine(effect)}`);
        expect(lines(run.effects)).toEqual(lines(call.effects));
        expect(run.end.is).toBe(call.ended === undefined ? 'out-of-journal' : 'ended');
      }),
      { numRuns: 300 },
    );
  });

  test('with a shorter silence answers sooner by as much, where nothing was prepared', () => {
    const call = talk(policyWith({ speculation: false }), { thoughts: ['Of course.'] });
    call.say('I want a table.');
    call.wait(4_000);
    call.send({ type: 'closed', by: 'caller' });
    expect(story(again(call, 'endpointing.silenceMs=300'))).toEqual([
      'same caller: I want a table.',
      'changed agent: Of course. 1070 → 870',
    ]);
  });
});
