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
    const played = [was, wouldBe].map((one) => one?.waterfall_ms.played ?? '–').join(' → ');
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

  test('a reply prepared in time is heard no sooner: the model was what took long', () => {
    const call = talk(policyWith(), { thoughts: ['Of course.'] });
    call.say('I want a table.');
    call.wait(4_000);
    call.send({ type: 'closed', by: 'caller' });
    const [, answer] = again(call, 'endpointing.silenceMs=300').rows;
    expect(answer).toMatchObject({
      verdict: 'changed',
      was: { waterfall_ms: { end_decided: 500 } },
      wouldBe: { waterfall_ms: { end_decided: 300 } },
    });
    const played = [answer].flatMap((row) =>
      row?.is === 'turn' ? [row.was?.waterfall_ms.played, row.wouldBe?.waterfall_ms.played] : [],
    );
    expect(played[0]).toBe(played[1]);
  });

  test('an agent that would cut in says nothing that nobody knows, and the call goes on after it', () => {
    const call = talk(policyWith(), { thoughts: ['At what time?', 'Half past seven.', 'Bye.'] });
    call.say('We would like to come at');
    call.wait(1_300);
    call.say('half past seven.');
    call.wait(6_000);
    call.say('Thank you.');
    call.wait(4_000);
    call.send({ type: 'closed', by: 'caller' });
    const rows = story(again(call, 'speculation=false', 'endpointing.unfinishedSilenceMs=600'));
    expect(rows).toEqual([
      'new caller: We would like to come at',
      'new caller: half past seven.',
      expect.stringMatching(
        /^\? at \d+: the model would be asked .* "half past seven."; until \d+$/,
      ),
      'untold caller: We would like to come at half past seven.',
      expect.stringMatching(/^untold agent: Half past seven. /),
      'same caller: Thank you.',
      expect.stringMatching(/^changed agent: Bye. /),
    ]);
  });

  test('a cough that no longer stops the agent leaves its words where they were, but sooner', () => {
    const call = talk(policyWith(), { thoughts: ['One two three four five six seven eight.'] });
    call.say('Count, please.');
    call.wait(2_000);
    call.cough(400);
    call.wait(9_000);
    call.send({ type: 'closed', by: 'caller' });
    const rows = again(call, 'bargeIn.minSpeechMs=2000').rows;
    const [, counted] = rows;
    expect(counted).toMatchObject({ verdict: 'changed', assumptions: ['line-plays-on'] });
    if (counted?.is !== 'turn') throw new Error('a turn');
    expect(counted.wouldBe?.heard).toBe(counted.was?.heard);
    // Nothing is taken off the line, so that each word is told as long after the first as it is long.
    const { start_ms: startMs = 0, end_ms: endMs = 0 } = counted.wouldBe ?? {};
    expect(endMs - startMs).toBe(8 * 300);
    expect(counted.was?.end_ms).toBeGreaterThan(endMs);
  });

  test('a prompt that was never said is not invented', () => {
    const call = talk(policyWith({ greeting: { text: 'Hello.' } }), { thoughts: ['Yes.'] });
    call.wait(8_000);
    call.say('Are you there?');
    call.wait(4_000);
    call.send({ type: 'closed', by: 'caller' });
    expect(story(again(call, 'idle.promptAfterMs=3000'))).toEqual([
      'same agent: Hello. – → –',
      expect.stringMatching(/^\? at 3450: the agent would say "Are you still there\?", .*; until/),
      'untold caller: Are you there?',
      expect.stringMatching(/^untold agent: Yes./),
    ]);
  });

  test('a time limit that comes sooner ends the call there', () => {
    const call = talk(policyWith(), { thoughts: ['Yes.', 'No.'] });
    call.say('Is it open?');
    call.wait(8_000);
    call.say('And tomorrow?');
    call.wait(5_000);
    call.send({ type: 'closed', by: 'caller' });
    const result = again(call, 'maxCallMs=5000');
    expect(result.end).toEqual({ atMs: 5_000, reason: 'max_duration' });
    expect(result.wasEnd).toMatchObject({ reason: 'caller_hangup' });
    expect(story(result).map((row) => row.split(':')[0])).toEqual([
      'same caller',
      'same agent',
      '? at 5000',
      'untold caller',
      'untold agent',
    ]);
  });

  test('is told to its end with any setting, whatever the call was like', () => {
    const changes = fc.constantFrom(
      'endpointing.silenceMs=100',
      'endpointing.silenceMs=3000',
      'endpointing.unfinishedSilenceMs=100',
      'endpointing.eagerSilenceMs=50',
      'endpointing.vendorDecides=true',
      'endpointing.vendorDecides=false',
      'bargeIn.enabled=false',
      'bargeIn.minSpeechMs=0',
      'bargeIn.minSpeechMs=2000',
      'bargeIn.resumeAfterMs=300',
      'idle.promptAfterMs=2000',
      'idle.promptAfterMs=60000',
      'speculation=false',
      'speculation=true',
      'maxCallMs=9000',
      'deadAirMs=1000',
      'deadAirMs=9000',
    );
    fc.assert(
      fc.property(randomTalks, fc.array(changes, { minLength: 1, maxLength: 3 }), (play, given) => {
        const call = play();
        const { rows } = again(call, ...given);
        const indexes = rows.flatMap((row) =>
          row.is === 'turn' && row.was ? [row.was.index] : [],
        );
        // Every recorded turn is accounted for, once and in order.
        expect(indexes).toEqual(call.turns.map(({ index }) => index));
      }),
      { numRuns: 300 },
    );
  });
});
