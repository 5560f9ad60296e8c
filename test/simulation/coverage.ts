import type { Evidence } from './evidence.ts';
import { statesOf } from './rules/timeline.ts';

/** How often each thing came about in all calls of a run. */
export type Coverage = {
  /** Faults that were in force, and the database's by what was asked of it. */
  readonly faults: Readonly<Record<string, number>>;
  /** States of calls. */
  readonly states: Readonly<Record<string, number>>;
  /** `thinking → speaking`. */
  readonly transitions: Readonly<Record<string, number>>;
};

export const NO_COVERAGE: Coverage = { faults: {}, states: {}, transitions: {} };

export function coverageOf(evidence: Evidence): Coverage {
  const states = ['ringing', ...statesOf(evidence).map(({ state }) => state)];
  const end = evidence.call?.end_reason;
  const all = end ? [...states, 'ended'] : states;
  return {
    faults: counted([
      ...evidence.faults.map(({ what }) => what),
      ...evidence.acts.map(({ what }) => `caller: ${what}`),
      ...(end ? [`ended: ${end}`] : []),
    ]),
    states: counted(all),
    transitions: counted(all.slice(1).map((state, index) => `${all[index]} → ${state}`)),
  };
}

export const addCoverage = (one: Coverage, two: Coverage): Coverage => ({
  faults: added(one.faults, two.faults),
  states: added(one.states, two.states),
  transitions: added(one.transitions, two.transitions),
});

function counted(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function added(
  one: Readonly<Record<string, number>>,
  two: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const sum: Record<string, number> = { ...one };
  for (const [name, count] of Object.entries(two)) sum[name] = (sum[name] ?? 0) + count;
  return Object.fromEntries(Object.entries(sum).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
