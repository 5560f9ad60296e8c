import type { ContextItem } from '#contracts/language-model.ts';
import type { Effect } from '#conversation/effect.ts';
import type { Ask, Asks, RecordedReply } from './asks.ts';

/** The recorded thought that answers what the model would have been asked. */
export type FoundThought = {
  readonly ask: Ask;
  /** The question is the same; what was said before it is not. */
  readonly isOtherContext: boolean;
};

/**
 * Finds what the model said when it was asked the same. Where that happened more than once, the very
 * same moment comes first, then an answer that was not broken off, then the nearest.
 *
 * @param within the reply that it is a further thought of; undefined: its first
 */
export function findThought(
  asks: Asks,
  asked: { readonly context: readonly ContextItem[]; readonly atMs: number },
  within?: { readonly reply: RecordedReply; readonly thoughtIndex: number },
): FoundThought | undefined {
  const candidates = within
    ? [within.reply.thoughts[within.thoughtIndex]].filter((ask) => ask !== undefined)
    : [...asks.replies.values()].flatMap(({ thoughts }) => thoughts.slice(0, 1));
  const exact = best(
    candidates.filter(({ effect }) => isSameContext(contextOf(effect), asked.context)),
    asked.atMs,
  );
  if (exact) return { ask: exact, isOtherContext: false };
  const question = questionOf(asked.context);
  if (question === '[]') return undefined;
  const alike = best(
    candidates.filter(({ effect }) => questionOf(contextOf(effect)) === question),
    asked.atMs,
  );
  return alike && { ask: alike, isOtherContext: true };
}

const contextOf = (effect: Effect): readonly ContextItem[] =>
  effect.type === 'think' ? effect.context : [];

/** By length and last item first: in a long call, writing out every context for every question takes minutes. */
const isSameContext = (one: readonly ContextItem[], other: readonly ContextItem[]): boolean =>
  one.length === other.length &&
  JSON.stringify(one.at(-1)) === JSON.stringify(other.at(-1)) &&
  JSON.stringify(one) === JSON.stringify(other);

/** What has come since the agent last spoke. */
const questionOf = (context: readonly ContextItem[]): string =>
  JSON.stringify(context.slice(context.findLastIndex(({ role }) => role === 'agent') + 1));

const SAME_MOMENT_MS = 0.5;

function best(candidates: readonly Ask[], atMs: number): Ask | undefined {
  const distanceMs = (ask: Ask): number => Math.abs(ask.atMs - atMs);
  const rank = (ask: Ask): number => {
    if (distanceMs(ask) < SAME_MOMENT_MS) return 0;
    return ask.cutMs === undefined ? 1 : 2;
  };
  return candidates.toSorted(
    (one, other) => rank(one) - rank(other) || distanceMs(one) - distanceMs(other),
  )[0];
}

/** The recorded reply in which the agent said, without thinking, what it would say now; the nearest. */
export const findSaid = (asks: Asks, effect: Effect, atMs: number): RecordedReply | undefined =>
  [...asks.replies.values()]
    .filter(
      ({ thoughts, speech }) =>
        thoughts.length === 0 && speech[0] !== undefined && isSameSpeech(speech[0].effect, effect),
    )
    .toSorted((one, other) => awayMs(one, atMs) - awayMs(other, atMs))[0];

const awayMs = ({ speech }: RecordedReply, atMs: number): number =>
  Math.abs((speech[0]?.atMs ?? Infinity) - atMs);

/** Whether two pieces of speech would sound alike. */
export function isSameSpeech(one: Effect, other: Effect): boolean {
  if (one.type === 'speak') return other.type === 'speak' && one.text === other.text;
  if (one.type === 'speak-prepared')
    return other.type === 'speak-prepared' && one.speech === other.speech;
  return one.type === 'finish-speaking' && other.type === 'finish-speaking';
}
