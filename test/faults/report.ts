import { notShown } from './cases.ts';
import type { CaseResult } from './play.ts';

/** More silence than this beyond the deadline, and the caller asks whether anybody is there. */
export const GAP_LIMIT_MS = 1_000;

export type FaultsReport = {
  readonly ok: boolean;
  readonly cases: number;
  readonly calls_dropped: number;
  readonly words_lost: number;
  readonly words_repeated: number;
  /** Silence beyond that of the call without the fault and beyond the detection deadline. */
  readonly gap_ms: Percentiles;
  /** The same with the detection deadline in it: what the caller lives through. */
  readonly added_silence_ms: Percentiles;
  readonly failed: readonly FailedCase[];
  /** What was left out, and why. */
  readonly not_shown: ReturnType<typeof notShown>;
};

type Percentiles = {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly max: number | null;
};

type FailedCase = {
  readonly case: string;
  readonly dropped: string | null;
  readonly words_lost: readonly string[];
  readonly words_repeated: readonly string[];
  readonly gap_ms: number;
};

/** Pure. No case at all is a failure: nothing was shown. */
export function faultsReport(results: readonly CaseResult[]): FaultsReport {
  const failed = results.filter((result) => !isFlawless(result));
  const count = (of: (result: CaseResult) => number): number =>
    results.reduce((sum, result) => sum + of(result), 0);
  return {
    ok: results.length > 0 && failed.length === 0,
    cases: results.length,
    calls_dropped: count(({ judgement }) => (judgement.dropped === undefined ? 0 : 1)),
    words_lost: count(({ judgement }) => judgement.lost.length),
    words_repeated: count(({ judgement }) => judgement.repeated.length),
    gap_ms: percentiles(results.map(({ gap }) => gap.gapMs)),
    added_silence_ms: percentiles(results.map(({ gap }) => gap.addedMs)),
    failed: failed.map(({ case: { name }, judgement, gap }) => ({
      case: name,
      dropped: judgement.dropped ?? null,
      words_lost: judgement.lost,
      words_repeated: judgement.repeated,
      gap_ms: Math.round(gap.gapMs),
    })),
    not_shown: notShown(),
  };
}

export const isFlawless = ({ judgement, gap }: CaseResult): boolean =>
  judgement.dropped === undefined &&
  judgement.lost.length === 0 &&
  judgement.repeated.length === 0 &&
  gap.gapMs <= GAP_LIMIT_MS;

/** One line for people. */
export function caseLine(result: CaseResult): string {
  const { judgement, gap } = result;
  const faults = [
    ...(judgement.dropped === undefined ? [] : [`dropped: ${judgement.dropped}`]),
    ...(judgement.lost.length > 0 ? [`lost ${judgement.lost.join(', ')}`] : []),
    ...(judgement.repeated.length > 0 ? [`repeated ${judgement.repeated.join(', ')}`] : []),
    ...(gap.gapMs > GAP_LIMIT_MS ? [`gap ${Math.round(gap.gapMs)} ms`] : []),
  ];
  const verdict = faults.length === 0 ? 'ok  ' : 'FAIL';
  return `${verdict} +${String(Math.round(gap.addedMs)).padStart(5)} ms  ${result.case.name}${faults.map((fault) => `\n       ${fault}`).join('')}`;
}

/** For people. */
export function summary(report: FaultsReport): string {
  const { gap_ms: gap } = report;
  return [
    `${report.cases} cases: ${report.calls_dropped} calls dropped, ${report.words_lost} words lost, ${report.words_repeated} repeated`,
    `gap beyond the detection deadline: ${gap.p50 ?? '–'} ms (median), ${gap.p95 ?? '–'} ms (95 %), ${gap.max ?? '–'} ms at most`,
    report.ok ? 'Every call survived.' : `${report.failed.length} cases failed.`,
  ].join('\n');
}

/** Nearest rank. */
function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((left, right) => left - right);
  const at = (share: number): number | null => {
    const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
    return value === undefined ? null : Math.round(value);
  };
  return { p50: at(0.5), p95: at(0.95), max: at(1) };
}
