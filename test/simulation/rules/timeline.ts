import type { CallState } from '#protocol/voice-channel.ts';
import { tokensOf } from './tokens.ts';
import type { Evidence } from '../evidence.ts';

/** A stretch of a call, in ms since the phone began to ring. */
export type Span = { readonly fromMs: number; readonly untilMs: number };

export type StateSpan = Span & { readonly state: CallState };

/** How long what the server sends takes to the ear, and back: never more than this. */
export const roundTripMs = ({ plan: { carrier } }: Evidence): number =>
  2 * ((carrier.delayMs ?? 0) + (carrier.jitterMs ?? 0));

/**
 * What of the call can be judged: from the session's start to the call's end as the server sees it;
 * not beyond the death of the line or of the node, which nobody could do anything about.
 */
export function judgedSpan(evidence: Evidence): Span | undefined {
  const { sessionMs, answeredMs, plan, events } = evidence;
  if (sessionMs === undefined || answeredMs === undefined) return undefined;
  const { carrier, node } = plan;
  const endedMs = events.find(({ what }) => what.type === 'call-ended')?.atMs ?? Infinity;
  const untilMs = Math.min(
    evidence.overMs ?? Infinity,
    endedMs,
    answeredMs + (carrier.socketFreezesAtMs ?? Infinity),
    answeredMs + (carrier.socketDiesAtMs ?? Infinity),
    // What was not written down yet died with the node.
    node?.kind === 'kill' && node.atMs <= (evidence.overMs ?? Infinity)
      ? sessionMs + (evidence.journal.at(-1)?.atMs ?? 0)
      : Infinity,
  );
  return untilMs > sessionMs ? { fromMs: sessionMs, untilMs } : undefined;
}

/** The states of the call as the owner saw them, one after the other. */
export function statesOf(evidence: Evidence): readonly StateSpan[] {
  const changes = evidence.events.flatMap(({ atMs, what }) =>
    what.type === 'state' ? { atMs, state: what.state } : [],
  );
  return changes.map(({ atMs, state }, index) => ({
    state,
    fromMs: atMs,
    untilMs: changes[index + 1]?.atMs ?? evidence.overMs ?? atMs,
  }));
}

/**
 * Where the journal says why nobody speaks: a failure, a tool, a bridge, the caller's own doing; and
 * after a word on what is waited for the time until the agent does something about it.
 */
export const reasonsOf = (evidence: Evidence): readonly Span[] =>
  evidence.journal.flatMap((entry) => {
    const isCallers = entry['type'] === 'timer' && CALLERS_TIMERS.has(String(entry['name']));
    if (!isCallers && !REASONS.has(String(entry['type']))) return [];
    const fromMs = (evidence.sessionMs ?? 0) + entry.atMs;
    const isWaiting = String(entry['text']).startsWith('silent for ');
    return { fromMs, untilMs: isWaiting ? fromMs + BRIDGED_AFTER_MS : fromMs };
  });

/** From the word on what is waited for to the bridge, as agents are set up by default. */
const BRIDGED_AFTER_MS = 2_200;

/** The caller has finished: speaking, or pressing keys. */
const CALLERS_TIMERS: ReadonlySet<string> = new Set(['endpoint', 'keys']);

const REASONS: ReadonlySet<string> = new Set([
  'note',
  'vendor-failed',
  'vendor-switched',
  'hearing-changed',
  'voice-started',
  'voice-stopped',
  'heard-interim',
  'heard-final',
  'heard-eager-end',
  'heard-resumed',
  'heard-end',
  'key',
  'tool-result',
  'transferred',
  'hang-up',
]);

/** Words of the caller that mean something: said once in the call, and no sign of listening. */
export const contentOf = (text: string): readonly string[] =>
  tokensOf(text).filter((token) => CONTENT.test(token));

/** The vocabulary's words and no others; see `createVocabulary`. */
const CONTENT = /^(?:[bdgjkptz][aiou]){2,}$/;
