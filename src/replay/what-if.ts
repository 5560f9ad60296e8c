import type { EndReason, Turn } from '#protocol/calls.ts';
import { asksOf } from './asks.ts';
import { withChanges } from './policy-fields.ts';
import type { PolicyChange } from './policy-fields.ts';
import type { Assumption } from './recorded-event.ts';
import type { Replayed, ReplayedStep } from './replay.ts';
import { isCalm, rerun } from './rerun.ts';
import type { Rerun, RerunTurn } from './rerun.ts';

/** What another policy would have made of a recorded call, turn by turn, in the order of the call. */
export type WhatIf = {
  readonly rows: readonly Row[];
  /** How the call would have ended; undefined: the recording does not tell. */
  readonly end: { readonly atMs: number; readonly reason: EndReason } | undefined;
  readonly wasEnd: { readonly atMs: number; readonly reason: EndReason } | undefined;
};

export type Row =
  | {
      readonly is: 'turn';
      readonly verdict: Verdict;
      readonly was: Turn | undefined;
      readonly wouldBe: Turn | undefined;
      readonly assumptions: readonly Assumption[];
    }
  /** Here the call would have taken a way that was not recorded; it is taken up again at `resumesMs`. */
  | {
      readonly is: 'unknown';
      readonly atMs: number;
      readonly why: string;
      /** Undefined: nothing after it can be told. */
      readonly resumesMs: number | undefined;
    };

export type Verdict =
  | 'same'
  | 'changed'
  /** It would not have been. */
  | 'gone'
  /** It was not. */
  | 'new'
  /** It lies where the other way is not known. */
  | 'untold';

type RecordedTurn = {
  readonly turn: Turn;
  readonly replyId: number | undefined;
  readonly stepIndex: number;
};

/**
 * Leads the call again with some settings changed. Where the other way leaves what was recorded, it is
 * told so, and the call is taken up again at the next moment at which nothing was going on.
 */
export function whatIf({ steps }: Replayed, changes: readonly PolicyChange[]): WhatIf {
  const asks = asksOf(steps);
  const recorded = recordedTurns(steps);
  const rows: Row[] = [];
  let from = -1;
  let end: WhatIf['end'];
  for (;;) {
    const at = from < 0 ? undefined : steps[from];
    const base = at?.after ?? steps[0]?.before;
    if (!base) break;
    const state = { ...base, policy: withChanges(base.policy, changes) };
    const part = rerun(asks, { state, from, atMs: at?.input.atMs ?? 0 });
    const next = part.end.is === 'unknown' ? calmAfter(steps, part.end.atMs) : undefined;
    const isLast = next === undefined || isEnding(part);
    const until = isLast ? steps.length - 1 : next;
    const ofPart = recorded.filter(({ stepIndex }) => stepIndex > from && stepIndex <= until);
    rows.push(...align(ofPart, part, isLast ? undefined : steps[until]?.input.atMs));
    if (part.end.is === 'ended') end = { atMs: part.end.atMs, reason: part.end.reason };
    if (isLast) {
      if (part.end.is === 'unknown' && part.end.ending !== undefined)
        end = { atMs: part.end.atMs, reason: part.end.ending };
      break;
    }
    from = until;
  }
  return { rows, end, wasEnd: endOf(steps) };
}

const isEnding = ({ end }: Rerun): boolean => end.is === 'unknown' && end.ending !== undefined;

/** The first step after `atMs`, with something going on in between, at which nothing is. */
function calmAfter(steps: readonly ReplayedStep[], atMs: number): number | undefined {
  const first = steps.findLastIndex(({ input }) => input.atMs <= atMs);
  let wasBusy = false;
  for (let index = Math.max(0, first); index < steps.length; index += 1) {
    const step = steps[index];
    if (!step || step.after.phase.name !== 'talking') continue;
    if (!isCalm(step.after)) wasBusy = true;
    else if (wasBusy) return index;
  }
  return undefined;
}

/** Every turn that was recorded, by what today's code makes of the journal. */
const recordedTurns = (steps: readonly ReplayedStep[]): readonly RecordedTurn[] =>
  steps.flatMap(({ before, effects }, stepIndex) =>
    effects.flatMap((effect) =>
      effect.type === 'record-turn'
        ? [
            {
              turn: effect.turn,
              replyId: effect.turn.role === 'agent' ? before.reply?.id : undefined,
              stepIndex,
            },
          ]
        : [],
    ),
  );

function endOf(steps: readonly ReplayedStep[]): WhatIf['wasEnd'] {
  for (const { input, effects } of steps)
    for (const effect of effects)
      if (effect.type === 'end-call') return { atMs: input.atMs, reason: effect.reason };
  return undefined;
}

/** Puts the turns of both ways beside each other. */
function align(
  was: readonly RecordedTurn[],
  part: Rerun,
  resumesMs: number | undefined,
): readonly Row[] {
  const { end, turns } = part;
  const pairs = commonPairs(was.map(keyOf), turns.map(keyOf));
  const rows: Row[] = [];
  let left = 0;
  let right = 0;
  const lastPaired = pairs.at(-1)?.[0] ?? -1;
  const without = (until: number): void => {
    for (; left < until; left += 1) {
      // After the last turn that both have, nobody knows which of the others would have been.
      const verdict = end.is === 'ended' || left < lastPaired ? 'gone' : 'untold';
      rows.push(rowOf(verdict, was[left]?.turn, undefined));
    }
  };
  const added = (until: number): void => {
    for (; right < until; right += 1) rows.push(rowOf('new', undefined, turns[right]));
  };
  for (const [inWas, inTurns] of pairs) {
    without(inWas);
    added(inTurns);
    const turn = was[inWas]?.turn;
    const other = turns[inTurns];
    if (turn && other)
      rows.push(rowOf(isAlike(turn, other.turn) ? 'same' : 'changed', turn, other));
    left += 1;
    right += 1;
  }
  added(turns.length);
  if (end.is === 'unknown') rows.push({ is: 'unknown', atMs: end.atMs, why: end.why, resumesMs });
  without(was.length);
  return rows;
}

/** Two turns are the same if the caller said the same, or the agent the same recorded reply. */
const keyOf = ({ turn, replyId }: RecordedTurn | RerunTurn): string =>
  turn.role === 'agent' ? `agent ${replyId ?? turn.text}` : `caller ${turn.text}`;

/** Less than this apart is the same moment. */
const SAME_MS = 1.5;

function isAlike(one: Turn, other: Turn): boolean {
  const a = momentsOf(one);
  const b = momentsOf(other);
  return (
    one.heard === other.heard &&
    one.interrupted === other.interrupted &&
    a.size === b.size &&
    [...a].every(([name, ms = 0]) => Math.abs(ms - (b.get(name) ?? Infinity)) <= SAME_MS)
  );
}

const momentsOf = (turn: Turn): ReadonlyMap<string, number | undefined> =>
  new Map<string, number | undefined>([
    ...Object.entries(turn.waterfall_ms),
    ['start', turn.start_ms],
    ['end', turn.end_ms],
  ]);

const rowOf = (verdict: Verdict, was: Turn | undefined, other: RerunTurn | undefined): Row => ({
  is: 'turn',
  verdict,
  was,
  wouldBe: other?.turn,
  assumptions: other?.assumptions ?? [],
});

/** The longest common subsequence, as pairs of places. */
function commonPairs(
  one: readonly string[],
  other: readonly string[],
): readonly (readonly [number, number])[] {
  const lengths = Array.from({ length: one.length + 1 }, () =>
    Array.from({ length: other.length + 1 }, () => 0),
  );
  const at = (a: number, b: number): number => lengths[a]?.[b] ?? 0;
  for (let a = one.length - 1; a >= 0; a -= 1)
    for (let b = other.length - 1; b >= 0; b -= 1) {
      const row = lengths[a];
      if (row)
        row[b] = one[a] === other[b] ? at(a + 1, b + 1) + 1 : Math.max(at(a + 1, b), at(a, b + 1));
    }
  const pairs: (readonly [number, number])[] = [];
  for (let a = 0, b = 0; a < one.length && b < other.length;)
    if (one[a] === other[b]) pairs.push([a++, b++]);
    else if (at(a + 1, b) >= at(a, b + 1)) a += 1;
    else b += 1;
  return pairs;
}
