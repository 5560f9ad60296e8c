import type { Waterfall } from '#protocol/calls.ts';

export type StageName = keyof Waterfall;

/** One piece of a bar: from the moment before it to its own. */
export type Stage = {
  readonly stage: StageName;
  readonly fromMs: number;
  readonly toMs: number;
};

/** In the order in which they come where nothing was prepared on trial. */
export const stageNames = [
  'end_decided',
  'first_token',
  'first_clause',
  'first_audio',
  'played',
] as const satisfies readonly StageName[];

/** The moments of an answer in the order in which they came. */
export function waterfallStages(waterfall: Waterfall): readonly Stage[] {
  const moments = stageNames
    .flatMap((stage) => {
      const ms = waterfall[stage];
      return ms === undefined ? [] : [{ stage, ms }];
    })
    .toSorted((left, right) => left.ms - right.ms);
  return moments.map(({ stage, ms }, at) => ({
    stage,
    fromMs: moments[at - 1]?.ms ?? 0,
    toMs: ms,
  }));
}
