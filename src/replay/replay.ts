import { messageOf } from '#lib/errors.ts';
import type { Effect } from '#conversation/effect.ts';
import type { Input } from '#conversation/input.ts';
import { newConversation } from '#conversation/state.ts';
import type { Conversation } from '#conversation/state.ts';
import { step } from '#conversation/step.ts';
import { effectLines, turnLine } from './effect-line.ts';
import type { Turn } from '#protocol/calls.ts';
import type { Recording } from './read-journal.ts';

/** What today's code does with the inputs of a recorded call, exactly as they came. */
export type Replayed = {
  readonly steps: readonly ReplayedStep[];
  /** Today's code threw at the last step. */
  readonly fault: string | undefined;
};

export type ReplayedStep = {
  readonly input: Input;
  readonly before: Conversation;
  readonly after: Conversation;
  readonly effects: readonly Effect[];
  /** What was done when the call took place; undefined: the journal does not tell. */
  readonly did: readonly string[] | undefined;
};

export function replay({ policy, steps: recorded }: Recording): Replayed {
  const steps: ReplayedStep[] = [];
  let conversation = newConversation(policy);
  for (const { input, did } of recorded) {
    const before = conversation;
    try {
      const [after, effects] = step(before, input);
      conversation = after;
      steps.push({ input, before, after, effects, did });
    } catch (error) {
      return { steps, fault: messageOf(error) };
    }
  }
  return { steps, fault: undefined };
}

/** One step at which today's code does something else. */
export type Difference = {
  readonly atMs: number;
  /** Of the turn that was going on: the next one to be recorded. */
  readonly turn: number;
  readonly input: Input;
  /** Effects that were, and would not be. */
  readonly was: readonly string[];
  /** Effects that were not, and would be. */
  readonly wouldBe: readonly string[];
};

/** Where today's code does not do what was done, in the order of the call. */
export function differencesOf({ steps }: Replayed): readonly Difference[] {
  return steps.flatMap(({ input, before, effects, did }) => {
    if (!did) return [];
    const now = effectLines(effects);
    if (isSame(did, now)) return [];
    const [was, wouldBe] = withoutCommon(did, now);
    return [{ atMs: input.atMs, turn: before.turnCount, input, was, wouldBe }];
  });
}

/**
 * Where today's code makes other turns of a journal that does not tell what was done at each step.
 *
 * @param turns of the call's record
 */
export function turnDifferencesOf({ steps }: Replayed, turns: readonly Turn[]) {
  const now = steps.flatMap(({ effects }) =>
    effects.flatMap((effect) => (effect.type === 'record-turn' ? [turnLine(effect.turn)] : [])),
  );
  const was = turns.map(turnLine);
  const places = Array.from({ length: Math.max(was.length, now.length) }, (_, place) => place);
  return places
    .filter((place) => was[place] !== now[place])
    .map((turn) => ({
      turn,
      at_ms: null,
      input: null,
      was: was.slice(turn, turn + 1),
      would_be: now.slice(turn, turn + 1),
    }));
}

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((line, index) => line === other[index]);

/** Takes away what both begin and end with; what is left may be one line in another place. */
function withoutCommon(
  one: readonly string[],
  other: readonly string[],
): readonly [readonly string[], readonly string[]] {
  const shorter = Math.min(one.length, other.length);
  let head = 0;
  while (head < shorter && one[head] === other[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && one.at(-1 - tail) === other.at(-1 - tail)) tail += 1;
  return [one.slice(head, one.length - tail), other.slice(head, other.length - tail)];
}
