import type { CallFigures } from '#protocol/calls-summary.ts';

/** Calls that began from `from` on and before `until`, in parts of `intervalMs`. */
export type CallTimes = {
  readonly from: Date;
  readonly until: Date;
  readonly intervalMs: number;
};

/** What the store can tell of many calls at once. */
export type CallFiguresStore = {
  /**
   * What the calls of a time come to: in all, and for each part of that time in its order, empty
   * ones as well. Everything is counted where its call began.
   */
  figures(
    tenantId: string,
    instanceId: string,
    times: CallTimes,
  ): Promise<{ readonly total: CallFigures; readonly buckets: readonly CallFigures[] }>;
};
