import fc from 'fast-check';
import { expect, test } from 'vitest';
import { endReasons } from '#protocol/calls.ts';
import { watchedStep } from '#test/support/conversation-invariants.ts';
import type { UntimedInput } from '#test/support/conversation-agent.ts';
import { randomPlays, randomPolicies } from '#test/support/random-talks.ts';
import { ENDING_MS } from './policies/dues.ts';
import { PREPARED_TEXTS } from './ending.ts';
import { newConversation } from './state.ts';
import { wordedPolicy } from './policy.ts';
import type { Policy } from './policy.ts';
import { timerNames } from './timer-name.ts';
import type { TimerName } from './timer-name.ts';

/** `replyId` counts from the newest reply (0) and `sinceMs` back from now, so that most inputs mean something. */
type Happening = { readonly afterMs: number; readonly input: UntimedInput };

const texts = fc.oneof(
  fc.constantFrom(
    'yes',
    'mm-hm',
    'Yeah, okay.',
    'bye',
    'I want',
    'I want a table.',
    'I want a table. For two',
    'and',
    'No',
    '',
    '...',
    '–',
    'Well, let me see. ',
    'That would be, if I may say so, ',
    ' One. Two. ',
  ),
  fc.string({ maxLength: 12 }),
);
const ms = fc.oneof(
  fc.constantFrom(0, 0, 1, 20, 60, 120, 250, 300, 500, 1_000, 1_500, 2_000, 4_000, 10_000),
  fc.integer({ min: -100, max: 3_000 }),
);
const audioMs = fc.oneof(fc.constantFrom(0, 0.5, 1, 200, 600, 1_000, 5_000), fc.nat(20_000));
const replyId = fc.constantFrom(0, 0, 0, 0, 0, 0, 0, -1, -2, 1, 7);
const callId = fc.constantFrom('a', 'b', 'c');
const is = <T extends string>(type: T): fc.Arbitrary<T> => fc.constant(type);

/** Anything at all: also of replies long gone or not yet there, twice, and in the wrong order. */
const anyInput: fc.Arbitrary<UntimedInput> = fc.oneof(
  { weight: 20, arbitrary: fc.record({ type: is('voice-started'), sinceMs: ms }) },
  { weight: 20, arbitrary: fc.record({ type: is('voice-stopped'), sinceMs: ms }) },
  { weight: 30, arbitrary: fc.record({ type: is('heard-interim'), text: texts }) },
  { weight: 30, arbitrary: fc.record({ type: is('heard-final'), text: texts }) },
  { weight: 20, arbitrary: fc.record({ type: is('heard-eager-end'), text: texts }) },
  { weight: 10, arbitrary: fc.record({ type: is('heard-resumed') }) },
  { weight: 20, arbitrary: fc.record({ type: is('heard-end'), text: texts }) },
  { weight: 40, arbitrary: fc.record({ type: is('reply-delta'), replyId, text: texts }) },
  {
    weight: 20,
    arbitrary: fc.record({
      type: is('reply-tool-call'),
      replyId,
      callId,
      name: fc.constantFrom('end_call', 'look_up', 'book', 'transfer_call', 'send_digits'),
      lasting: fc.boolean(),
      arguments: fc.constantFrom('{}', '{"farewell":"Bye now."}', 'no json', '{"farewell":7}', '7'),
    }),
  },
  { weight: 30, arbitrary: fc.record({ type: is('reply-done'), replyId }) },
  {
    weight: 20,
    arbitrary: fc.record({ type: is('tool-result'), replyId, callId, result: texts }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: is('transferred'), replyId, callId, to: fc.constant('sales') }),
  },
  { weight: 40, arbitrary: fc.record({ type: is('speech-audio'), replyId, audioMs }) },
  {
    weight: 20,
    arbitrary: fc.record({
      type: is('speech-words'),
      replyId,
      words: fc.array(fc.record({ text: texts, startMs: audioMs, endMs: audioMs }), {
        maxLength: 3,
      }),
    }),
  },
  { weight: 20, arbitrary: fc.record({ type: is('speech-done'), replyId }) },
  { weight: 40, arbitrary: fc.record({ type: is('played'), replyId, playedMs: audioMs }) },
  {
    weight: 10,
    arbitrary: fc.record({
      type: is('key'),
      digit: fc.constantFrom('1', '5', '#', '*', '', 'x', '12'),
    }),
  },
  {
    weight: 20,
    arbitrary: fc.record({ type: is('timer'), name: fc.constantFrom(...timerNames) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: is('vendor-failed'),
      role: fc.constantFrom('language-model', 'text-to-speech'),
      replyId,
      vendor: is('acme'),
      message: texts,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: is('vendor-failed'),
      role: is('speech-to-text'),
      vendor: is('acme'),
      message: texts,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: is('vendor-switched'),
      role: fc.constantFrom('language-model', 'text-to-speech'),
      replyId,
      vendor: is('acme'),
      message: texts,
      to: is('other'),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ type: is('hearing-changed'), vendorDecides: fc.boolean() }),
  },
  { weight: 10, arbitrary: fc.record({ type: is('say'), text: texts }) },
  { weight: 15, arbitrary: fc.record({ type: is('answer-due'), text: texts }) },
  { weight: 5, arbitrary: fc.record({ type: is('prompt-due') }) },
  { weight: 10, arbitrary: fc.record({ type: is('handed-over'), replyId, callId }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: is('hang-up'), reason: fc.constantFrom(...endReasons) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: is('closed'), by: fc.constantFrom('caller', 'broken') }),
  },
  { weight: 1, arbitrary: fc.record({ type: is('answered') }) },
);

const happenings: fc.Arbitrary<readonly Happening[]> = fc.array(
  fc.record({ afterMs: ms, input: anyInput }),
  { maxLength: 80, size: '+1' },
);

/** Lets it all happen, with the timers that are set, then lets the clock run on until the call ends. */
function run(policy: Policy, script: readonly Happening[]): void {
  const watched = watchedStep();
  const timers = new Map<TimerName, number>();
  let state = newConversation(policy);
  let nowMs = 0;
  let standing = 0;

  const take = (input: UntimedInput): void => {
    const [next, effects] = watched(state, { ...input, atMs: nowMs });
    state = next;
    for (const effect of effects) {
      if (effect.type === 'set-timer') timers.set(effect.name, nowMs + effect.afterMs);
      if (effect.type === 'cancel-timer') timers.delete(effect.name);
    }
  };
  const runTo = (untilMs: number): void => {
    for (;;) {
      const [name, dueMs] = [...timers].toSorted(([, a], [, b]) => a - b)[0] ?? [];
      if (name === undefined || dueMs === undefined || dueMs > untilMs) break;
      standing = dueMs > nowMs ? 0 : standing + 1;
      if (standing > 30) throw new Error(`timers fire for ever at ${nowMs}: ${name}`);
      nowMs = Math.max(nowMs, dueMs);
      timers.delete(name);
      take({ type: 'timer', name });
    }
    nowMs = untilMs;
  };

  take({ type: 'answered' });
  for (const { afterMs, input } of script) {
    if (state.phase.name === 'ended') break;
    runTo(nowMs + Math.max(0, afterMs));
    const newest = state.nextReplyId - 1;
    if ('replyId' in input && input.replyId !== undefined)
      take({ ...input, replyId: newest + input.replyId });
    else if ('sinceMs' in input) take({ ...input, sinceMs: nowMs - input.sinceMs });
    else take(input);
  }
  runTo(Math.max(nowMs, policy.maxCallMs) + ENDING_MS);
  expect(state.phase.name).toBe('ended');
  take({ type: 'say', text: 'Anybody there?' });
}

test('whatever happens, in whatever order, the conversation keeps its promises and ends', () => {
  fc.assert(
    fc.property(randomPolicies, happenings, (policy, script) => run(policy, script)),
    { numRuns: 700 },
  );
});

test('the same where the other side owns the sound', () => {
  fc.assert(
    fc.property(randomPolicies.map(wordedPolicy), happenings, (policy, script) =>
      run(policy, script),
    ),
    { numRuns: 700 },
  );
});

test('what both sides said stands in the record once, and the agent exactly as far as it was heard', () => {
  fc.assert(
    fc.property(randomPlays([0]), (play) => {
      const { call, wordCount, typedCount, talkedMs } = play();
      const said = (role: string): readonly string[] =>
        call.turns
          .filter((turn) => turn.role === role)
          .map(({ heard }) => heard)
          .filter(
            (heard) => heard !== '' && !Object.values<string>(PREPARED_TEXTS).includes(heard),
          );
      expect(said('agent').join(' ')).toBe(call.ear.replaceAll(/ ?\(\w+\)/g, '').trim());
      const wordsOf = (start: string): readonly string[] =>
        said('caller')
          .join(' ')
          .split(' ')
          .filter((word) => word.startsWith(start));
      const recorded = wordsOf('word');
      expect(recorded).toEqual([...new Set(recorded)]);
      const typed = wordsOf('typed');
      expect(typed).toEqual([...new Set(typed)]);
      // A call that goes on has heard all of it.
      if (talkedMs > 0 && call.ended === 'silence')
        expect([recorded, typed.toSorted()]).toEqual([
          Array.from({ length: wordCount }, (_, index) => `word${index}`),
          Array.from({ length: typedCount }, (_, index) => `typed${index}`).toSorted(),
        ]);
    }),
    { numRuns: 400 },
  );
});
