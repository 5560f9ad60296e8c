import type { Level } from './level.ts';

/** Why no more calls are added. */
export type Limit =
  | { readonly by: 'latency' | 'failures'; readonly detail: string }
  /** Not the server: what it could carry is more than was found. */
  | { readonly by: 'callers' | 'vendors'; readonly detail: string }
  | { readonly by: 'end of the range'; readonly detail: string };

/** p95 of voice-to-voice may grow by this over the unloaded server's. */
const MAX_GROWTH = 0.25;
const MAX_FAILED_SHARE = 0.005;
/** An event loop that is later than this at its p99 measures itself. */
const MAX_OUTSIDE_DELAY_MS = 40;

/** Whether this many calls are too many, and for whom. Callers and vendors are looked at first: their lateness looks like ours. */
export function limitOf(level: Level, unloaded: Level): Limit | undefined {
  const { callersDelayMs, vendorsDelayMs, voiceToVoiceMs, failedShare } = level;
  const p95 = voiceToVoiceMs.p95;
  const growth = p95 / unloaded.voiceToVoiceMs.p95 - 1;
  const tooSlow = !(growth <= MAX_GROWTH);
  const tooManyFail = failedShare > MAX_FAILED_SHARE;
  if (!tooSlow && !tooManyFail) return undefined;
  if (callersDelayMs.p99 > MAX_OUTSIDE_DELAY_MS)
    return {
      by: 'callers',
      detail: `their event loop is ${callersDelayMs.p99.toFixed(0)} ms late`,
    };
  if (vendorsDelayMs.p99 > MAX_OUTSIDE_DELAY_MS)
    return {
      by: 'vendors',
      detail: `their event loop is ${vendorsDelayMs.p99.toFixed(0)} ms late`,
    };
  if (tooManyFail)
    return { by: 'failures', detail: `${(failedShare * 100).toFixed(2)} % of the turns failed` };
  return {
    by: 'latency',
    detail: `p95 of voice-to-voice is ${p95.toFixed(0)} ms, ${(growth * 100).toFixed(0)} % over unloaded`,
  };
}
