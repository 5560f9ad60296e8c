import type { Call, CallSummary, EndReason } from '#protocol/calls.ts';
import { faultyEnds } from './format.ts';

export type TimeRange = { readonly fromMs: number; readonly toMs: number };

/** One bar of the charts over time. */
export type Bucket = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly callCount: number;
  /** Of them, those that ended as nobody wanted. */
  readonly faultyCount: number;
  /** From the end of the caller's speech to the first sound of the answer; undefined: nothing known. */
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
};

export type Overview = {
  readonly callCount: number;
  readonly minutes: number;
  readonly voiceToVoice: {
    readonly p50Ms: number | undefined;
    readonly p95Ms: number | undefined;
    readonly turnCount: number;
  };
  /** Most frequent first. */
  readonly endReasons: readonly { readonly reason: EndReason; readonly count: number }[];
  readonly buckets: readonly Bucket[];
};

/**
 * The figures of the calls that began in `range`. Latencies are those of `records`, which may be the
 * newest of the calls alone.
 */
export function overviewOf(
  calls: readonly CallSummary[],
  records: readonly Call[],
  range: TimeRange,
  bucketCount: number,
): Overview {
  const isInRange = (call: { readonly started_at: string }): boolean => {
    const at = Date.parse(call.started_at);
    return at >= range.fromMs && at < range.toMs;
  };
  const counted = calls.filter(isInRange);
  const told = records.filter(isInRange);
  const reasons = new Map<EndReason, number>();
  for (const { end_reason: reason } of counted)
    if (reason !== null) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  const all = told.flatMap(voiceToVoiceOf);
  return {
    callCount: counted.length,
    minutes: counted.reduce((sum, call) => sum + call.duration_seconds, 0) / 60,
    voiceToVoice: {
      p50Ms: percentile(all, 0.5),
      p95Ms: percentile(all, 0.95),
      turnCount: all.length,
    },
    endReasons: [...reasons]
      .map(([reason, count]) => ({ reason, count }))
      .toSorted((left, right) => right.count - left.count),
    buckets: bucketsOf(counted, told, range, bucketCount),
  };
}

function bucketsOf(
  calls: readonly CallSummary[],
  records: readonly Call[],
  { fromMs, toMs }: TimeRange,
  bucketCount: number,
): readonly Bucket[] {
  const widthMs = (toMs - fromMs) / bucketCount;
  const indexOf = (call: { readonly started_at: string }): number =>
    Math.min(bucketCount - 1, Math.floor((Date.parse(call.started_at) - fromMs) / widthMs));
  return Array.from({ length: bucketCount }, (_, index) => {
    const mine = calls.filter((call) => indexOf(call) === index);
    const latencies = records.filter((call) => indexOf(call) === index).flatMap(voiceToVoiceOf);
    return {
      fromMs: fromMs + index * widthMs,
      toMs: fromMs + (index + 1) * widthMs,
      callCount: mine.length,
      faultyCount: mine.filter(({ end_reason: reason }) => reason && faultyEnds.has(reason)).length,
      p50Ms: percentile(latencies, 0.5),
      p95Ms: percentile(latencies, 0.95),
    };
  });
}

/** Of each answer of the agent that was heard. */
export const voiceToVoiceOf = (call: Pick<Call, 'turns'>): readonly number[] =>
  call.turns.flatMap(({ role, waterfall_ms: { played } }) =>
    role === 'agent' && played !== undefined ? [played] : [],
  );

/** The nearest rank: always one of the values. Undefined for none. */
export function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}
