import type { Step } from '#sandbox/caller/script.ts';
import { goingOn } from '#sandbox/vendors/going-on.ts';
import type { Brain } from '#sandbox/vendors/brain.ts';

/** The agent of the demo, as it is created through the public API. */
export const demoAgent = {
  system_prompt:
    "You answer the phone of Luigi's, a small restaurant. You take bookings. You are friendly and brief.",
  greeting: "Hello, this is Luigi's restaurant. How can I help you?",
  language: 'en',
} as const;

/** A caller who hesitates in the middle of a sentence, cuts in once, and says goodbye. */
export const demoScript: readonly Step[] = [
  { waitForAgent: 'to-finish' },
  { say: 'Hi, I would like to book a table for Friday evening.' },
  { waitForAgent: 'to-finish' },
  { hesitate: ['We will be four people, and we would like to come at', 1_300, 'half past seven.'] },
  { interrupt: 'The corner by the window, please.', afterWords: 14 },
  { waitForAgent: 'to-finish' },
  { say: 'My name is Anna Keller.' },
  { waitForAgent: 'to-finish' },
  { say: 'No, that is all. Thank you very much, goodbye.' },
  { expectHangUp: true },
];

/** What the simulated model says to the last thing it was told. */
export const demoBrain: Brain = goingOn(({ items }) => {
  const last = items.findLast((item) => item.type === 'message' && item.role === 'user');
  const said = last?.type === 'message' ? last.text : '';
  for (const [pattern, reply] of REPLIES) if (pattern.test(said)) return reply;
  return { text: 'I am sorry, I did not understand that. Could you say it another way?' };
});

const REPLIES: readonly (readonly [RegExp, ReturnType<Brain>])[] = [
  [
    /goodbye/i,
    {
      text: 'Thank you for calling, Anna. We are looking forward to Friday. Goodbye!',
      toolCalls: [{ name: 'end_call', arguments: { farewell: 'Goodbye!' } }],
    },
  ],
  [
    /my name is/i,
    {
      text: 'Thank you, Anna. Your table for four is booked for Friday at half past seven. Is there anything else I can do for you?',
    },
  ],
  [/window/i, { text: 'The corner by the window it is. May I have your name for the booking?' }],
  [
    /half past seven/i,
    {
      text: 'Four people on Friday at half past seven, gladly. We have a quiet corner by the window, or a long table on the terrace under the old olive tree, which is lovely when the evening is warm, and there is live music from eight. Which one would you like?',
    },
  ],
  [
    /book a table/i,
    {
      text: 'Of course, with pleasure. How many people will you be, and at what time would you like to come?',
    },
  ],
];
