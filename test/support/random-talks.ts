import fc from 'fast-check';
import type { Policy } from '#conversation/policy.ts';
import { policyWith, talk } from './conversation.ts';
import type { Talk } from './conversation.ts';

/** Settings that matter to who speaks, and texts that are hard to say. */
export const randomPolicies: fc.Arbitrary<Policy> = fc
  .record({
    vendorDecides: fc.boolean(),
    enabled: fc.boolean(),
    speculation: fc.boolean(),
    greeting: fc.constantFrom('', 'Hello! How can I help you?', '…'),
    interruptible: fc.boolean(),
    prompts: fc.constantFrom([], ['Are you there?'], ['', 'Hello?', ' ']),
    goodbye: fc.constantFrom('', 'Until next time.'),
    minSpeechMs: fc.constantFrom(0, 120, 2_000),
    maxCallMs: fc.constantFrom(30_000, 120_000),
  })
  .map((chosen) =>
    policyWith({
      endpointing: { vendorDecides: chosen.vendorDecides },
      bargeIn: { enabled: chosen.enabled, minSpeechMs: chosen.minSpeechMs },
      speculation: chosen.speculation,
      greeting: { text: chosen.greeting, interruptible: chosen.interruptible },
      idle: { prompts: chosen.prompts, goodbye: chosen.goodbye },
      maxCallMs: chosen.maxCallMs,
    }),
  );

const thoughts = fc.array(
  fc.record({
    text: fc.constantFrom(
      'Yes.',
      'One, two, three. Four five.',
      'Sure, which day do you want?',
      '',
    ),
    tools: fc.constantFrom(
      [],
      [],
      [{ name: 'look_up' }],
      [{ name: 'book', lasting: true }],
      [{ name: 'send_digits' }],
      [{ name: 'look_up' }, { name: 'transfer_call' }],
      [{ name: 'end_call' }],
    ),
    firstTokenMs: fc.constantFrom(0, 300, 900, 5_000, Infinity),
  }),
  { maxLength: 12 },
);
const voicesWith = (markLagsMs: readonly number[]) =>
  fc.record({
    speechMs: fc.constantFrom(0, 150, 900, 5_000),
    toolMs: fc.constantFrom(0, 700, 6_000, Infinity),
    markLagMs: fc.constantFrom(...markLagsMs),
  });
/** What a caller does, and how long after the last. */
const callers = fc.array(
  fc.tuple(
    fc.constantFrom(0, 100, 300, 700, 1_500, 3_000, 12_000),
    fc.constantFrom(
      'speak',
      'speak',
      'speak',
      'whisper',
      'nod',
      'cough',
      'key',
      'type',
      'owner',
      'leave',
    ),
    fc.integer({ min: 1, max: 5 }),
  ),
  { maxLength: 12 },
);

/** A call that was played to its end. */
export type PlayedTalk = {
  readonly call: Talk;
  /** The caller said `word0`, `word1` and so on, as many as these. */
  readonly wordCount: number;
  /** And typed `typed0` and so on. */
  readonly typedCount: number;
  /** For how long both sides had talked when the caller had done all of it; 0: the call was over. */
  readonly talkedMs: number;
};

/**
 * Whole calls with a caller, an agent and a line that behave like ones; playing one ends it.
 *
 * @param markLagsMs how late the line may tell what was played
 */
export const randomPlays = (markLagsMs: readonly number[]): fc.Arbitrary<() => PlayedTalk> =>
  fc
    .tuple(randomPolicies, thoughts, voicesWith(markLagsMs), callers)
    .map(([policy, script, voice, caller]) => () => {
      const call = talk(policy, { thoughts: script, voice });
      let wordCount = 0;
      let typedCount = 0;
      for (const [afterMs, what, size] of caller) {
        call.wait(afterMs);
        if (call.ended !== undefined) break;
        if (what === 'speak' || what === 'whisper') {
          const words = Array.from({ length: size }, () => `word${wordCount++}`).join(' ');
          call.say(words, { unvoiced: what === 'whisper' });
        }
        if (what === 'nod') call.say('mm-hm');
        if (what === 'cough') call.cough(size * 100);
        if (what === 'key') call.send({ type: 'key', digit: String(size) });
        if (what === 'type')
          call.send({ type: 'typed', text: `typed${typedCount++}`, isAnswered: size > 1 });
        if (what === 'owner') call.send({ type: 'say', text: 'A word from the owner.' });
        if (what === 'leave' && size === 5) call.send({ type: 'closed', by: 'caller' });
      }
      const talkedMs = call.state.phase.name === 'talking' ? call.nowMs : 0;
      call.toEnd();
      return { call, wordCount, typedCount, talkedMs };
    });

/** The same on lines that are prompt or late, where the call alone matters. */
export const randomTalks: fc.Arbitrary<() => Talk> = randomPlays([0, 0, 40]).map(
  (play) => () => play().call,
);
