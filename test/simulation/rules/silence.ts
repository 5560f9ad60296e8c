import type { CallState } from '#protocol/voice-channel.ts';
import type { Evidence } from '../evidence.ts';
import type { Rule } from './rule.ts';
import { judgedSpan, reasonsOf, roundTripMs, statesOf } from './timeline.ts';
import type { Span } from './timeline.ts';

/** The longest silence that needs no reason. */
const SILENCE_MS = 2_000;
/** Frames, and marks that are waited for. */
const SLACK_MS = 100;
/** The caller has asked, and nobody said why there is no answer. */
const UNANSWERED_MS = 8_500;

/** States in which the word is the agent's. */
const OWING: ReadonlySet<CallState> = new Set(['greeting', 'thinking', 'speaking', 'ending']);

/**
 * While it is the agent's turn (it greets, thinks, speaks or says its last words) the caller hears no
 * silence of more than 2 s for which the journal gives no reason: a failure, a vendor that was replaced, a
 * tool, a bridge, or a sign of the caller. A reason explains the
 * silence until it comes, and 2 s more.
 */
export const unexplainedSilence: Rule = {
  name: 'unexplained-silence',
  check(evidence) {
    const judged = judgedSpan(evidence);
    if (!judged) return [];
    const limitMs = SILENCE_MS + SLACK_MS + roundTripMs(evidence);
    const quiet = quietSpans(evidence, judged);
    return owingSpans(evidence).flatMap((owing) =>
      quiet.flatMap((span) => {
        const fromMs = Math.max(span.fromMs, owing.fromMs);
        const silentMs = Math.min(span.untilMs, owing.untilMs) - fromMs;
        if (silentMs <= limitMs) return [];
        return { atMs: fromMs, what: `${Math.round(silentMs)} ms of silence without a reason` };
      }),
    );
  },
};

/** The agent's turn, whatever it does in it. */
function owingSpans(evidence: Evidence): readonly Span[] {
  const spans: { fromMs: number; untilMs: number }[] = [];
  for (const { state, fromMs, untilMs } of statesOf(evidence)) {
    if (!OWING.has(state)) continue;
    const last = spans.at(-1);
    if (last?.untilMs === fromMs) last.untilMs = untilMs;
    else spans.push({ fromMs, untilMs });
  }
  return spans;
}

/** Where nobody makes a sound and nothing happens that explains it. */
function quietSpans(evidence: Evidence, { fromMs, untilMs }: Span): readonly Span[] {
  const busy: Span[] = [
    ...evidence.heard.map(({ startMs, endMs }) => ({ fromMs: startMs, untilMs: endMs })),
    ...evidence.spoken.map(({ startMs, endMs }) => ({ fromMs: startMs, untilMs: endMs })),
    ...reasonsOf(evidence),
  ].toSorted((one, two) => one.fromMs - two.fromMs);
  const quiet: Span[] = [];
  let quietSinceMs = fromMs;
  for (const span of busy) {
    if (span.fromMs > quietSinceMs)
      quiet.push({ fromMs: quietSinceMs, untilMs: Math.min(span.fromMs, untilMs) });
    quietSinceMs = Math.max(quietSinceMs, span.untilMs);
  }
  if (quietSinceMs < untilMs) quiet.push({ fromMs: quietSinceMs, untilMs });
  return quiet.filter((span) => span.untilMs > span.fromMs);
}

/**
 * Whoever says something is answered, or the journal says why not: a caller who spoke does not wait for
 * 9 s without a sound of the agent.
 */
export const unansweredCaller: Rule = {
  name: 'unanswered-caller',
  check(evidence) {
    const judged = judgedSpan(evidence);
    // Words that were torn on their way are no words.
    if (!judged || evidence.plan.carrier.lossRate !== undefined) return [];
    const notes = evidence.journal.flatMap(({ type, atMs }) =>
      type === 'note' || type === 'vendor-switched' || type === 'vendor-failed'
        ? (evidence.sessionMs ?? 0) + atMs
        : [],
    );
    const gaveUp = evidence.acts.filter(
      ({ atMs, what }) =>
        what === 'gives up' && atMs > judged.fromMs + UNANSWERED_MS && atMs < judged.untilMs,
    );
    return gaveUp
      .filter(
        ({ atMs }) => !notes.some((noteMs) => noteMs <= atMs && noteMs > atMs - UNANSWERED_MS),
      )
      .map(({ atMs }) => ({ atMs, what: 'the caller waits for an answer in vain' }));
  },
};
