import { expect, test } from 'vitest';
import type { CallRecord } from '#sandbox/caller/record.ts';
import { align, judgeCall, longestGap } from './judge.ts';
import type { CallEvidence } from './judge.ts';

const SCRIPT = { agentText: 'Hello there. It is nine.', callerText: 'What time is it?' };
const WORD_MS = 200;

/** A call in which the agent's words begin at these moments, and each lasts 200 ms. */
function evidence(
  words: readonly (readonly [text: string, startMs: number])[],
  change: Partial<CallEvidence> = {},
): CallEvidence {
  const spans = words.map(([text, startMs]) => ({ text, startMs, endMs: startMs + WORD_MS }));
  const record: CallRecord = {
    steps: [
      {
        step: { say: SCRIPT.callerText },
        startMs: 1_000,
        endMs: 2_000,
        said: [{ text: 'it?', startMs: 1_800, endMs: 2_000 }],
        hesitation: undefined,
      },
    ],
    agentWords: spans,
    agentSound: spans.map(({ startMs, endMs }) => ({ startMs, endMs })),
    durationMs: 20_000,
    endedBy: 'other-side',
    problem: undefined,
  };
  return {
    record,
    transcript: SCRIPT.callerText,
    endReason: 'agent_hangup',
    endDetail: null,
    complaints: [],
    switchesMs: [],
    journal: [],
    ...change,
  };
}
const flawless = [
  ['Hello', 100],
  ['there.', 300],
  ['It', 2_800],
  ['is', 3_000],
  ['nine.', 3_200],
] as const;
const judged = (...given: Parameters<typeof evidence>) => judgeCall(evidence(...given), SCRIPT);
const without = judged(flawless);

test('a call as it was meant loses and repeats nothing', () => {
  expect(without).toMatchObject({ dropped: undefined, lost: [], repeated: [] });
  expect(longestGap(without, without, 0)).toEqual({ addedMs: 0, gapMs: 0 });
});

test('a word of the agent that was not heard is lost, one that was heard twice is repeated', () => {
  const words = [...flawless.slice(0, 3), ['it', 3_000], ['nine.', 3_200]] as const;
  expect(judged(words)).toMatchObject({ lost: ['agent: is'], repeated: ['agent: it'] });
});

test('words of the caller are judged by what was written down', () => {
  const { lost, repeated } = judged(flawless, { transcript: 'What what is it' });
  expect([lost, repeated]).toEqual([['caller: time'], ['caller: what']]);
});

test('a call that ended otherwise, or that the carrier complained of, is dropped', () => {
  expect(judged(flawless, { endReason: 'vendor_failure', endDetail: 'acme' }).dropped).toBe(
    'ended with vendor_failure, acme',
  );
  expect(judged(flawless, { complaints: ['carrier: 31951'] }).dropped).toBe('carrier: 31951');
});

test('a word that bridges a silence is no word of the reply, and ends the silence', () => {
  const bridge = [
    ['One', 3_800],
    ['moment,', 4_000],
    ['please.', 4_200],
  ] as const;
  const late = flawless.slice(2).map(([text, startMs]) => [text, startMs + 3_000] as const);
  const judgement = judged([...flawless.slice(0, 2), ...bridge, ...late]);
  expect(judgement).toMatchObject({ lost: [], repeated: [] });
  // From 2,000 to 3,800, where it is 800 without the fault.
  expect(longestGap(judgement, without, 0).addedMs).toBe(1_000);
});

test('silence up to the moment at which the vendor was replaced is detection, within the deadline', () => {
  const late = [
    ...flawless.slice(0, 2),
    ...flawless.slice(2).map(([text, startMs]) => [text, startMs + 2_500] as const),
  ];
  const at = (switchesMs: readonly number[]) => judged(late, { switchesMs });
  expect(longestGap(at([4_000]), without, 5_000)).toEqual({ addedMs: 2_500, gapMs: 500 });
  expect(longestGap(at([4_000]), without, 1_200)).toEqual({ addedMs: 2_500, gapMs: 1_300 });
  expect(longestGap(at([4_000]), without, 0)).toEqual({ addedMs: 2_500, gapMs: 2_500 });
  // Nobody was replaced, or too late to be the reason.
  expect(longestGap(at([]), without, 5_000).gapMs).toBe(2_500);
  expect(longestGap(at([9_000]), without, 5_000).gapMs).toBe(2_500);
});

test.each([
  ['a b c', 'a b c', '', ''],
  ['a b c', 'a c', 'b', ''],
  ['a b c', 'a b b c', '', 'b'],
  ['a b a b', 'a b', 'a b', ''],
  ['', 'x', '', 'x'],
  ['x', '', 'x', ''],
  ['a b c d', 'a c b d', 'c', 'c'],
])('of %j and %j, %j is lost and %j is added', (expected, came, lost, added) => {
  const words = (text: string): readonly string[] => text.split(' ').filter((word) => word !== '');
  const alignment = align(words(expected), words(came));
  expect(alignment.lost.length).toBe(words(lost).length);
  expect(alignment.added.length).toBe(words(added).length);
  expect(alignment.lost.join(' ')).toMatch(new RegExp(`^(${lost}|b)?$`));
});
