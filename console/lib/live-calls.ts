import type { Call, EndReason, Turn } from '#protocol/calls.ts';
import type { LiveEvent, StreamEvent } from '#protocol/events.ts';
import type { CallState } from '#protocol/voice-channel.ts';
import { SILENCE_DBFS } from './loudness.ts';

/** Ended calls stay on the page for a while, so that their end is seen; more than these are forgotten. */
const ENDED_KEPT = 12;

/** Something in a call that is neither side's words. */
export type CallNote = {
  readonly atMs: number;
  readonly kind: 'tool' | 'vendor' | 'resumed' | 'interrupted';
  readonly text: string;
};

/** What is known of one call from its record and the events since. */
export type LiveCall = {
  readonly callId: string;
  readonly callerPhone: string;
  readonly state: CallState | 'ended';
  readonly startedAtMs: number;
  /** When this page first knew of it, by this machine's clock. */
  readonly seenAtMs: number;
  readonly endedAtMs: number | undefined;
  readonly end: { readonly reason: EndReason; readonly detail: string | null } | undefined;
  readonly turns: readonly Turn[];
  readonly notes: readonly CallNote[];
  readonly isCallerSpeaking: boolean;
  /** The words of a turn that is not over; '' when there are none. */
  readonly callerSays: string;
  readonly agentSays: string;
  /** How loud both sides are at present. */
  readonly callerDbfs: number;
  readonly agentDbfs: number;
};

/** By call id, in the order in which they began. */
export type LiveCalls = ReadonlyMap<string, LiveCall>;

/** What is of a moment, rather than of the stream itself. */
export type CallEvent = Exclude<StreamEvent, { type: 'reset' | 'call' | 'current' }>;

/**
 * What the server tells: events; or what is stored, instead of all that was told before; or which
 * calls are live on any node, with the records of some of them.
 */
export type LiveChange =
  | { readonly type: 'events'; readonly events: readonly CallEvent[]; readonly nowMs: number }
  | { readonly type: 'stored'; readonly records: readonly Call[]; readonly nowMs: number }
  | {
      readonly type: 'listed';
      readonly liveIds: ReadonlySet<string>;
      readonly records: readonly Call[];
      readonly askedAtMs: number;
    };

/**
 * The calls of a page after a change. Pure, and of bounded size: it holds the calls that are live and
 * a few that have ended.
 */
export function nextLiveCalls(calls: LiveCalls, change: LiveChange): LiveCalls {
  const next = new Map(calls);
  if (change.type === 'listed') list(next, change);
  else if (change.type === 'stored') begin(next, change);
  else for (const event of change.events) take(next, event, change.nowMs);
  const ended = [...next.values()]
    .filter((call) => call.state === 'ended')
    .toSorted((left, right) => (left.endedAtMs ?? 0) - (right.endedAtMs ?? 0));
  for (const { callId } of ended.slice(0, Math.max(0, ended.length - ENDED_KEPT)))
    next.delete(callId);
  return next;
}

/** The record is the truth for turns; calls that are not listed any more ended unseen. */
function list(
  calls: Map<string, LiveCall>,
  { liveIds, records, askedAtMs }: Extract<LiveChange, { type: 'listed' }>,
): void {
  for (const { callId, state, seenAtMs } of calls.values())
    if (state !== 'ended' && !liveIds.has(callId) && seenAtMs < askedAtMs) calls.delete(callId);
  for (const record of records) {
    const known = calls.get(record.call_id);
    // Its end was told while the list was on its way.
    if (known?.state === 'ended') continue;
    const call = known ?? newCall(record.call_id, askedAtMs);
    const turns = mergeTurns(call.turns, record.turns);
    calls.set(record.call_id, withRecord(call, record, turns, askedAtMs));
  }
}

/** What is live begins anew from its record: which words of a turn that is not over were missed, nobody knows. */
function begin(
  calls: Map<string, LiveCall>,
  { records, nowMs }: Extract<LiveChange, { type: 'stored' }>,
): void {
  const before = new Map(calls);
  for (const { callId, state } of before.values()) if (state !== 'ended') calls.delete(callId);
  for (const record of records) {
    const known = before.get(record.call_id) ?? newCall(record.call_id, nowMs);
    calls.set(record.call_id, withRecord({ ...known, ...QUIET }, record, record.turns, nowMs));
  }
}

/** By this machine's clock, whatever the server's says: how long a call lasts is the same by both. */
const withRecord = (
  call: LiveCall,
  record: Call,
  turns: readonly Turn[],
  nowMs: number,
): LiveCall => ({
  ...call,
  callerPhone: record.caller_phone,
  state: record.state,
  startedAtMs: nowMs - record.duration_seconds * 1_000,
  endedAtMs: record.ended_at === null ? undefined : nowMs,
  end: record.end_reason ? { reason: record.end_reason, detail: record.end_detail } : undefined,
  turns,
  ...(record.state === 'ended' && QUIET),
});

const QUIET = {
  isCallerSpeaking: false,
  callerSays: '',
  agentSays: '',
  callerDbfs: SILENCE_DBFS,
  agentDbfs: SILENCE_DBFS,
} as const;

function take(calls: Map<string, LiveCall>, event: CallEvent, nowMs: number): void {
  if (event.type === 'levels') {
    for (const { call_id, caller_dbfs: callerDbfs, agent_dbfs: agentDbfs } of event.calls) {
      const call = calls.get(call_id);
      if (call && call.state !== 'ended') calls.set(call_id, { ...call, callerDbfs, agentDbfs });
    }
    return;
  }
  const told = calls.get(event.call_id);
  // A call that was led no further here may be led again.
  const known = event.type === 'call-started' && told?.state === 'ended' ? undefined : told;
  // What comes behind the end is about a call that is over, or that was forgotten.
  if (known?.state === 'ended') return;
  if (!known && event.type === 'call-ended') return;
  const call = known ?? {
    ...newCall(event.call_id, nowMs),
    startedAtMs: nowMs - event.at_ms,
  };
  calls.set(event.call_id, { ...call, ...changeOf(call, event, nowMs) });
}

const newCall = (callId: string, nowMs: number): LiveCall => ({
  callId,
  callerPhone: '',
  state: 'ringing',
  startedAtMs: nowMs,
  seenAtMs: nowMs,
  endedAtMs: undefined,
  end: undefined,
  turns: [],
  notes: [],
  ...QUIET,
});

function changeOf(call: LiveCall, event: LiveEvent, nowMs: number): Partial<LiveCall> {
  const noted = (kind: CallNote['kind'], text: string): Partial<LiveCall> => ({
    notes: [...call.notes, { atMs: event.at_ms, kind, text }],
  });
  switch (event.type) {
    case 'call-started':
      return { callerPhone: event.caller_phone };
    case 'state':
      return { state: event.state };
    case 'caller-speaking':
      return { isCallerSpeaking: event.speaking };
    case 'caller-interim':
      return { callerSays: event.text };
    case 'agent-text':
      return { agentSays: call.agentSays + event.text };
    case 'interrupted':
      return noted('interrupted', 'The caller cut in.');
    case 'resumed':
      return noted('resumed', 'A false alarm: the agent goes on.');
    case 'tool':
      return noted('tool', `${event.name} ${event.arguments}`);
    case 'tool-result': {
      const how = event.outcome === 'done' ? 'answered' : 'was called off';
      return noted('tool', `${event.name} ${how} after ${Math.round(event.duration_ms)} ms`);
    }
    case 'vendor-failed': {
      const then = event.switched_to === undefined ? '' : ` ${event.switched_to} goes on.`;
      return noted('vendor', `${event.vendor}: ${event.message}${then}`);
    }
    case 'turn': {
      const says = event.turn.role === 'caller' ? { callerSays: '' } : { agentSays: '' };
      return { turns: mergeTurns(call.turns, [event.turn]), ...says };
    }
    case 'call-ended':
      return {
        state: 'ended',
        endedAtMs: nowMs,
        end: { reason: event.reason, detail: event.detail },
        ...QUIET,
      };
  }
}

/** Each turn once, the newer telling of it, in their order. */
function mergeTurns(known: readonly Turn[], newer: readonly Turn[]): readonly Turn[] {
  const byIndex = new Map([...known, ...newer].map((turn) => [turn.index, turn]));
  return [...byIndex.values()].toSorted((left, right) => left.index - right.index);
}
