import type { Step } from '#sandbox/caller/script.ts';
import { tokensOf } from '#sandbox/vendors/brain.ts';
import type { Brain, BrainItem } from '#sandbox/vendors/brain.ts';

/** What a call is about: the caller's script, and what the agent says to it. */
export type Scenario = {
  readonly greeting: string;
  readonly script: readonly Step[];
  readonly brain: Brain;
};

/** How long the caller waits in silence before speaking: longer than any deadline of a vendor. */
const PATIENT = { waitForAgent: 'to-finish', silentForMs: 7_000 } as const;

const GREETING = "Hello, this is Luigi's restaurant. How can I help you?";

type Exchange = { readonly caller: string; readonly pattern: RegExp; readonly agent: string };

/** The patterns match what the caller says and nothing that the agent does. */
const EXCHANGES: readonly Exchange[] = [
  {
    caller: 'Hi, I would like to book a table for Friday evening.',
    pattern: /book a table/i,
    agent:
      'Of course, with pleasure. We have a quiet corner by the window, or a long bench on the terrace under the old olive tree. How many people will you be, and when would you like to come?',
  },
  {
    caller: 'No, that is all. Thank you very much.',
    pattern: /that is all/i,
    agent: 'Thank you for calling. We are looking forward to Friday. Goodbye!',
  },
];

const SCRIPT: readonly Step[] = [
  ...EXCHANGES.flatMap(({ caller }) => [PATIENT, { say: caller }]),
  { expectHangUp: true },
];

/** Everything the caller hears if nothing goes wrong. */
export const AGENT_TEXT = [GREETING, ...EXCHANGES.map(({ agent }) => agent)].join(' ');
export const CALLER_TEXT = EXCHANGES.map(({ caller }) => caller).join(' ');
/** How many pieces a simulated model streams its first answer in. */
export const FIRST_ANSWER_TOKENS = tokensOf(EXCHANGES[0]?.agent ?? '').length;
export const GREETING_WORD_COUNT = GREETING.split(' ').length;

/** A model that goes on with its last answer repeats so many words of it, as real ones do. */
const REPEATED_WORDS = 2;

/**
 * Answers the last thing the caller said, and hangs up with the last answer. Where the beginning of
 * that answer stands in the context already, it goes on from there.
 */
const scenarioBrain: Brain = ({ items }) => {
  const at = items.findLastIndex((item) => exchangeOf(item) !== undefined);
  const asked = items[at];
  const exchange = asked && exchangeOf(asked);
  if (!exchange) return { text: 'I am sorry, could you say that again?' };
  const given = items
    .slice(at + 1)
    .flatMap((item) => (isMessage(item, 'assistant') ? [item.text] : []))
    .join(' ');
  const text = restAfter(exchange.agent, given);
  const isLast = exchange === EXCHANGES.at(-1);
  return {
    text,
    ...(isLast && { toolCalls: [{ name: 'end_call', arguments: { farewell: 'Goodbye!' } }] }),
  };
};

/** The call that every fault is tried on. */
export const scenario: Scenario = { greeting: GREETING, script: SCRIPT, brain: scenarioBrain };

const isMessage = (
  item: BrainItem,
  role: 'user' | 'assistant',
): item is Extract<BrainItem, { type: 'message' }> => item.type === 'message' && item.role === role;

const exchangeOf = (item: BrainItem): Exchange | undefined =>
  isMessage(item, 'user') ? EXCHANGES.find(({ pattern }) => pattern.test(item.text)) : undefined;

function restAfter(text: string, given: string): string {
  const words = text.split(' ');
  const count = given.split(/\s+/).filter((word) => word !== '').length;
  if (count === 0 || !text.startsWith(given.trim())) return text;
  return words.slice(Math.max(0, count - REPEATED_WORDS)).join(' ');
}
