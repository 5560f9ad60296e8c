import type { Call, Turn } from '#protocol/calls.ts';
import type { LiveEvent, VoiceLevels } from '#protocol/events.ts';
import type { CallState } from '#protocol/voice-channel.ts';

/** A thousand calls a minute. */
const CALL_EVERY_MS = 60;
const SHORTEST_CALL_MS = 24_000;
/** So many of the calls that have ended are remembered. */
const ENDED_KEPT = 500;

/** A call as it really is. */
export type TrueCall = {
  readonly id: string;
  readonly phone: string;
  /** Counts from 0 over all calls. */
  readonly index: number;
  readonly startedAtMs: number;
  state: CallState | 'ended';
  endedAtMs: number | undefined;
  readonly turns: Turn[];
};

/** Calls of one agent that begin, talk and end, the same at each run, and the truth about them. */
export type Traffic = {
  /** What happens until then, in order. */
  advance(untilMs: number): readonly LiveEvent[];
  levels(): readonly VoiceLevels[];
  readonly nowMs: number;
  readonly begun: number;
  readonly live: ReadonlyMap<string, TrueCall>;
  /** The last that ended, oldest first. */
  readonly ended: readonly TrueCall[];
};

export function createTraffic(startMs: number): Traffic {
  const live = new Map<string, TrueCall>();
  const ended: TrueCall[] = [];
  let begun = 0;
  let nowMs = startMs;
  /** What calls that have begun will do, by the second in which they do it. */
  const ahead = new Map<number, { readonly atMs: number; readonly event: LiveEvent }[]>();
  const secondOf = (atMs: number): number => Math.floor(atMs / 1_000);

  const begin = (index: number): void => {
    begun = index + 1;
    const atMs = startMs + index * CALL_EVERY_MS;
    const id = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
    const phone = `+1202${String(5_000_000 + index)}`;
    const call = { id, phone, index, startedAtMs: atMs, state: 'ringing' as const };
    live.set(id, { ...call, endedAtMs: undefined, turns: [] });
    for (const event of storyOf(id, phone, index)) {
      const happensAtMs = atMs + event.at_ms;
      const of = ahead.get(secondOf(happensAtMs)) ?? [];
      ahead.set(secondOf(happensAtMs), of);
      of.push({ atMs: happensAtMs, event });
    }
  };

  const happen = (atMs: number, event: LiveEvent): void => {
    const call = live.get(event.call_id);
    if (!call) return;
    if (event.type === 'state') call.state = event.state;
    if (event.type === 'turn') call.turns.push(event.turn);
    if (event.type !== 'call-ended') return;
    call.state = 'ended';
    call.endedAtMs = atMs;
    live.delete(call.id);
    ended.push(call);
    if (ended.length > ENDED_KEPT) ended.shift();
  };

  return {
    get begun() {
      return begun;
    },
    get nowMs() {
      return nowMs;
    },
    live,
    ended,
    advance(untilMs) {
      const begunThen = Math.ceil((untilMs - startMs) / CALL_EVERY_MS);
      for (let index = begun; index < begunThen; index += 1) begin(index);
      const due: { readonly atMs: number; readonly event: LiveEvent }[] = [];
      for (let second = secondOf(nowMs); second <= secondOf(untilMs); second += 1) {
        const of = ahead.get(second) ?? [];
        due.push(...of.filter(({ atMs }) => atMs < untilMs));
        const later = of.filter(({ atMs }) => atMs >= untilMs);
        if (later.length > 0) ahead.set(second, later);
        else ahead.delete(second);
      }
      nowMs = untilMs;
      const ordered = due.toSorted((one, two) => one.atMs - two.atMs);
      for (const { atMs, event } of ordered) happen(atMs, event);
      return ordered.map(({ event }) => event);
    },
    levels: () =>
      [...live.values()].map(({ id, index }) => ({
        call_id: id,
        caller_dbfs: -((index + secondOf(nowMs)) % 60),
        agent_dbfs: -((index * 7 + secondOf(nowMs)) % 60),
      })),
  };
}

/** As the server would have it stored. */
export const recordOf = (call: TrueCall, instanceId: string, nowMs: number): Call => ({
  call_id: call.id,
  instance_id: instanceId,
  provider: 'pipecat',
  caller_phone: call.phone,
  state: call.state,
  started_at: new Date(call.startedAtMs).toISOString(),
  ended_at: call.endedAtMs === undefined ? null : new Date(call.endedAtMs).toISOString(),
  end_reason: call.endedAtMs === undefined ? null : 'caller_hangup',
  end_detail: null,
  duration_seconds: Math.floor(((call.endedAtMs ?? nowMs) - call.startedAtMs) / 1_000),
  turns: call.turns,
});

/** What happens in one call, by the time since its answer, in order. */
function storyOf(callId: string, phone: string, index: number): readonly LiveEvent[] {
  const lastsMs = SHORTEST_CALL_MS + ((index * 7_919) % 12_000);
  const at = (ms: number) => ({ call_id: callId, at_ms: ms });
  const said = (turn: number): string => `Sentence ${turn} of call ${index} is said to its end.`;
  const turn = (ms: number, count: number): LiveEvent => ({
    type: 'turn',
    ...at(ms),
    turn: {
      index: count,
      role: count % 2 === 0 ? 'agent' : 'caller',
      text: said(count),
      heard: said(count),
      interrupted: false,
      start_ms: ms - 2_000,
      end_ms: ms,
      waterfall_ms: count % 2 === 0 ? { end_decided: 350, played: 900 } : {},
    },
  });
  const exchange = (ms: number, count: number): LiveEvent[] => [
    { type: 'state', ...at(ms), state: 'listening' },
    { type: 'caller-speaking', ...at(ms + 400), speaking: true },
    { type: 'caller-interim', ...at(ms + 1_200), text: said(count).slice(0, 12) },
    { type: 'caller-interim', ...at(ms + 2_000), text: said(count).slice(0, 28) },
    { type: 'caller-speaking', ...at(ms + 2_600), speaking: false },
    { type: 'state', ...at(ms + 3_000), state: 'thinking' },
    turn(ms + 3_000, count),
    { type: 'state', ...at(ms + 3_600), state: 'speaking' },
    { type: 'agent-text', ...at(ms + 3_600), text: said(count + 1).slice(0, 20) },
    { type: 'agent-text', ...at(ms + 4_400), text: said(count + 1).slice(20) },
    turn(ms + 7_000, count + 1),
  ];
  return [
    { type: 'call-started', ...at(0), caller_phone: phone },
    { type: 'state', ...at(100), state: 'greeting' },
    { type: 'agent-text', ...at(100), text: said(0) },
    turn(2_500, 0),
    ...exchange(2_500, 1),
    ...(index % 10 === 0
      ? [{ type: 'tool' as const, ...at(9_600), name: 'find_table', arguments: '{"guests":2}' }]
      : []),
    ...exchange(10_000, 3),
    { type: 'state', ...at(17_500), state: 'listening' },
    { type: 'caller-interim', ...at(lastsMs - 1_000), text: 'Goodbye' },
    { type: 'call-ended', ...at(lastsMs), reason: 'caller_hangup', detail: null },
  ];
}
