import type { CutInRecord, TurnRecord } from './caller.ts';

/** The nearest-rank percentile; undefined of nothing. */
export function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

export type Spread = { readonly p50: number; readonly p95: number; readonly count: number };

/** Rounded to whole milliseconds: the ear hears in steps of 20. Undefined of nothing. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const p50 = percentile(values, 0.5);
  const p95 = percentile(values, 0.95);
  if (p50 === undefined || p95 === undefined) return undefined;
  return { p50: Math.round(p50), p95: Math.round(p95), count: values.length };
}

/** What a group of callers went through. */
export type Experience = {
  readonly voiceToVoice: Spread | undefined;
  readonly bargeIn: Spread | undefined;
  readonly turns: number;
  readonly failedTurns: number;
};

/** Turns and interruptions; an agent that talks on to the end of an interruption has failed that turn. */
export function experienceOf(
  turns: readonly TurnRecord[],
  cutIns: readonly CutInRecord[],
): Experience {
  const defined = (values: readonly (number | undefined)[]): readonly number[] =>
    values.filter((value) => value !== undefined);
  const unheeded = cutIns.filter(({ silentAfterMs }) => silentAfterMs === undefined).length;
  return {
    voiceToVoice: spreadOf(defined(turns.map(({ voiceToVoiceMs }) => voiceToVoiceMs))),
    bargeIn: spreadOf(defined(cutIns.map(({ silentAfterMs }) => silentAfterMs))),
    turns: turns.length,
    failedTurns: turns.filter(({ failure }) => failure !== undefined).length + unheeded,
  };
}

/** How much the 95th percentile of voice-to-voice may grow, and what share of turns may fail. */
export const DEGRADED = { growth: 1.25, failedShare: 0.005 } as const;
/** Above this the load generator or the mocks are late themselves, and show nothing about anybody else. */
export const GENERATOR_LIMIT_MS = 40;

export type Verdict =
  | { readonly state: 'holds' }
  | { readonly state: 'degraded'; readonly why: string }
  | { readonly state: 'generator-limit'; readonly why: string };

/** Whether a number of calls is carried as a single one is. */
export function judge(
  step: Experience & { readonly generatorDelayMs: number; readonly droppedCalls: number },
  unloadedP95Ms: number,
): Verdict {
  const { voiceToVoice, turns, failedTurns, generatorDelayMs, droppedCalls } = step;
  const degraded = (why: string): Verdict => ({ state: 'degraded', why });
  const late = voiceToVoice !== undefined && voiceToVoice.p95 > DEGRADED.growth * unloadedP95Ms;
  const failed = turns === 0 || failedTurns / turns > DEGRADED.failedShare;
  if (!late && !failed && droppedCalls === 0) return { state: 'holds' };
  // A late caller hears late, and says so late: nobody else's fault.
  if (generatorDelayMs > GENERATOR_LIMIT_MS)
    return {
      state: 'generator-limit',
      why: `event-loop delay p99 of callers or mocks ${Math.round(generatorDelayMs)} ms`,
    };
  if (droppedCalls > 0) return degraded(`${droppedCalls} calls dropped`);
  if (failed) return degraded(`${failedTurns} of ${turns} turns failed`);
  return degraded(`voice-to-voice p95 ${voiceToVoice?.p95} ms`);
}

/** The next number of calls to try: half as many again until one was too many, then between the two; undefined: known well enough. */
export function nextStep(
  held: number,
  tooMany: number | undefined,
  limits: { readonly first: number; readonly most: number },
): number | undefined {
  if (tooMany === undefined) {
    if (held >= limits.most) return undefined;
    return Math.min(limits.most, held < limits.first ? limits.first : Math.ceil(held * 1.5));
  }
  const between = Math.floor((held + tooMany) / 2);
  // A seventh is finer than two runs on one machine agree.
  return between > held && tooMany - held > Math.max(1, held / 7) ? between : undefined;
}
