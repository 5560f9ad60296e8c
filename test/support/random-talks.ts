import fc from 'fast-check';
import type { Policy } from '#conversation/policy.ts';
import { policyWith, talk } from './conversation.ts';
import type { Talk } from './conversation.ts';

const policies: fc.Arbitrary<Policy> = fc
  .record({
    vendorDecides: fc.boolean(),
    enabled: fc.boolean(),
    speculation: fc.boolean(),
    greeting: fc.constantFrom('', 'Hello! How can I help you?'),
    interruptible: fc.boolean(),
    prompts: fc.constantFrom([], ['Are you there?']),
    minSpeechMs: fc.constantFrom(0, 120, 2_000),
    maxCallMs: fc.constantFrom(30_000, 120_000),
  })
  .map((chosen) =>
    policyWith({
      endpointing: { vendorDecides: chosen.vendorDecides },
      bargeIn: { enabled: chosen.enabled, minSpeechMs: chosen.minSpeechMs },
      speculation: chosen.speculation,
      greeting: { text: chosen.greeting, interruptible: chosen.interruptible },
      idle: { prompts: chosen.prompts },
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
const voices = fc.record({
  speechMs: fc.constantFrom(0, 150, 900, 5_000),
  toolMs: fc.constantFrom(0, 700, 6_000, Infinity),
  markLagMs: fc.constantFrom(0, 0, 40),
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

/** Whole calls with a caller, an agent and a line that behave like ones; playing one ends it. */
export const randomTalks: fc.Arbitrary<() => Talk> = fc
  .tuple(policies, thoughts, voices, callers)
  .map(([policy, script, voice, caller]) => () => {
    const call = talk(policy, { thoughts: script, voice });
    let count = 0;
    for (const [afterMs, what, size] of caller) {
      call.wait(afterMs);
      if (call.ended !== undefined) break;
      if (what === 'speak' || what === 'whisper') {
        const words = Array.from({ length: size }, () => `word${count++}`).join(' ');
        call.say(words, { unvoiced: what === 'whisper' });
      }
      if (what === 'nod') call.say('mm-hm');
      if (what === 'cough') call.cough(size * 100);
      if (what === 'key') call.send({ type: 'key', digit: String(size) });
      if (what === 'type')
        call.send({ type: 'typed', text: `typed${count++}`, isAnswered: size > 1 });
      if (what === 'owner') call.send({ type: 'say', text: 'A word from the owner.' });
      if (what === 'leave' && size === 5) call.send({ type: 'closed', by: 'caller' });
    }
    call.toEnd();
    return call;
  });
