import type { LiveEvent } from '#protocol/events.ts';
import type { Turn } from '#protocol/calls.ts';
import type {
  FoldedCall,
  ProviderCallChange,
  ProviderEvent,
  StoredProviderCall,
} from '#store/provider-call-store.ts';
import { endReasonBeside } from './retell/end-reason.ts';
import { foldEvents } from './retell/fold.ts';

/**
 * What the row of a call says, by all that its provider told of it and what is stored. Total and
 * pure. `silenceMs`: after so long without a word the provider is asked.
 */
export function decideCall(
  events: readonly ProviderEvent[],
  stored: StoredProviderCall | undefined,
  { nowMs, silenceMs }: { readonly nowMs: number; readonly silenceMs: number },
): ProviderCallChange {
  const call = foldEvents(
    events.map((event) => ({ ...event, receivedAtMs: event.receivedAt.getTime() })),
  );
  const ending = endBeside(call.end, stored);
  const startedAtMs = call.startedAtMs ?? stored?.startedAt.getTime() ?? ending?.at.getTime();
  const startedAt = new Date(startedAtMs ?? firstReceivedMs(events, nowMs));
  const end = ending && { ...ending, at: new Date(Math.max(+ending.at, +startedAt)) };
  const checks = end !== undefined || stored?.state === 'ended' ? (stored?.checks ?? 0) : undefined;
  return {
    callerPhone: call.callerPhone,
    calledPhone: call.calledPhone,
    startedAt,
    state: call.state,
    end,
    turns: stored?.isLed ? [] : call.turns,
    record: call.record,
    checkAt: call.isComplete ? null : nextCheckAt(checks, nowMs, silenceMs),
    checks: checks ?? 0,
  };
}

/** What the owner sees of it, in order. A session of ours tells of its own call by itself. */
export function liveEventsOf(
  { callId, before, change }: FoldedCall,
  nowMs: number,
  hasSession: boolean,
): readonly LiveEvent[] {
  const { startedAt, end } = change;
  const at = (ms: number) => ({ call_id: callId, at_ms: Math.max(0, Math.round(ms)) });
  const sinceStart = (date: Date): number => date.getTime() - startedAt.getTime();
  const events: LiveEvent[] = [];
  if (hasSession || before?.state === 'ended') return events;
  const now = at(Math.min(nowMs, end?.at.getTime() ?? nowMs) - startedAt.getTime());
  const isLed = before?.isLed ?? false;

  if (!before) events.push({ type: 'call-started', ...at(0), caller_phone: change.callerPhone });
  if (!isLed) {
    const had = before?.turns ?? [];
    // The last one may go on, until another follows or the call is over.
    const done = end ? change.turns.length : Math.max(0, change.turns.length - 1);
    const shown = Math.max(0, had.length - 1);
    for (const turn of change.turns.slice(shown, done))
      events.push({ type: 'turn', ...at(turn.end_ms), turn });
    const open = change.turns[done];
    if (open) events.push(...growthOf(open, had[open.index], now));
    if (!end && change.state !== (before?.state ?? 'ringing'))
      events.push({ type: 'state', ...now, state: change.state });
  }
  if (end)
    events.push({
      type: 'call-ended',
      ...at(sinceStart(end.at)),
      reason: end.reason,
      detail: end.detail,
    });
  return events;
}

/** What a turn that may still change says that it did not say before. */
function growthOf(
  turn: Turn,
  before: Turn | undefined,
  now: Pick<LiveEvent, 'call_id' | 'at_ms'>,
): readonly LiveEvent[] {
  const had = before?.role === turn.role ? before.text : '';
  if (turn.text === had) return [];
  if (turn.role === 'caller') return [{ type: 'caller-interim', ...now, text: turn.text }];
  // Told piece by piece: one whose beginning has changed is told once it is over.
  if (!turn.text.startsWith(had)) return [];
  return [{ type: 'agent-text', ...now, text: turn.text.slice(had.length) }];
}

function endBeside(
  end: ReturnType<typeof foldEvents>['end'],
  stored: StoredProviderCall | undefined,
): ProviderCallChange['end'] {
  const session = stored?.sessionEndReason ?? null;
  // Who was there knows more of the end than somebody who could not ask.
  if (!end || (!end.isTold && session !== null)) return undefined;
  return {
    reason: endReasonBeside(end.reason, session),
    detail: end.detail,
    at: new Date(end.atMs),
  };
}

const firstReceivedMs = (events: readonly ProviderEvent[], nowMs: number): number =>
  Math.min(nowMs, ...events.map(({ receivedAt }) => receivedAt.getTime()));

/** What follows a call may be lost, or never come: its analysis may be switched off. */
const CHECKS_AFTER_END_MAX = 5;

/** `checks`: how often it was asked since the call is over; undefined: the call goes on. */
function nextCheckAt(checks: number | undefined, nowMs: number, silenceMs: number): Date | null {
  if (checks === undefined) return new Date(nowMs + silenceMs);
  return checks < CHECKS_AFTER_END_MAX ? new Date(nowMs + silenceMs * 2 ** checks) : null;
}
