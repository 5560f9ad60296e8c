import type { ToldEvent } from '#contracts/live-calls.ts';
import { VoiceError } from '#lib/errors.ts';
import type { Turn } from '#protocol/calls.ts';
import type { StreamEvent } from '#protocol/events.ts';
import type { ApiParts } from './parts.ts';

/** Recorders try a database that is away every five seconds at the latest. */
const SETTLE_MAX_MS = 10_000;
/** Of the calls that ended while a reader was away; earlier ones are in the list of calls. */
const ENDED_MAX = 2_000;
/** Clocks of nodes differ, and providers tell of an end some time after it. */
const ENDED_BEFORE_MS = 60_000;
const READ_AT_ONCE = 50;

type Parts = Pick<ApiParts, 'store' | 'live' | 'clock'>;
type Of = { readonly tenantId: string; readonly instanceId: string };

/** What is stored of an instance's calls, to be told to a reader whose last event is not known here. */
export type Stored = {
  /** Where this node's events stood when all of them until then was stored. */
  readonly position: string;
  readonly reset: Extract<StreamEvent, { type: 'reset' }>;
  readonly callIds: readonly string[];
};

/**
 * Finds the calls that a reader has to be told of: those that are live, and those that ended since.
 * Rejects with `unavailable` where what was told cannot be stored at present.
 */
export async function findStored(
  { store, live, clock }: Parts,
  { tenantId, instanceId }: Of,
  toldAtMs: number | undefined,
): Promise<Stored> {
  const position = live.position();
  await within(clock, SETTLE_MAX_MS, live.settled(instanceId));
  const since = toldAtMs === undefined ? undefined : new Date(toldAtMs - ENDED_BEFORE_MS);
  const { callIds, endedSince } = await store.calls.current(tenantId, instanceId, {
    endedSince: since,
    endedMax: ENDED_MAX,
  });
  const reset = { type: 'reset', ended_since: endedSince?.toISOString() ?? null } as const;
  return { position, reset, callIds };
}

/** How far the stored call goes: what was told of it until there is in it. */
export type Covered = { readonly turns: readonly Turn[]; readonly hasEnded: boolean };

/** Tells the calls, some at a time, as fast as `tell` takes them. Answers what it told. */
export async function tellStored(
  { store, live }: Parts,
  { tenantId, instanceId }: Of,
  callIds: readonly string[],
  tell: (events: readonly StreamEvent[]) => Promise<void>,
): Promise<ReadonlyMap<string, Covered>> {
  const covered = new Map<string, Covered>();
  for (let at = 0; at < callIds.length; at += READ_AT_ONCE) {
    const calls = await store.calls.getMany(tenantId, callIds.slice(at, at + READ_AT_ONCE));
    const states = new Map(live.list(instanceId).map(({ callId, state }) => [callId, state]));
    await tell(
      calls.map(({ provider_record: _record, ...call }) => {
        const hasEnded = call.ended_at !== null;
        covered.set(call.call_id, { turns: call.turns, hasEnded });
        // What is stored of a live call's state is up to a quarter of a second old.
        const state = hasEnded ? call.state : (states.get(call.call_id) ?? call.state);
        return { type: 'call', call_id: call.call_id, call: { ...call, state } };
      }),
    );
  }
  return covered;
}

/**
 * What of these events the stored calls do not hold yet. Of each call all is left out until the last
 * event that its record has, so that nothing is told twice, nor words whose turn was told.
 */
export function notCovered(
  events: readonly ToldEvent[],
  covered: ReadonlyMap<string, Covered>,
): readonly ToldEvent[] {
  const last = new Map<string, number>();
  for (const [at, { event }] of events.entries()) {
    const record = covered.get(event.call_id);
    if (record && isIn(record, event)) last.set(event.call_id, at);
  }
  return events.filter(({ event }, at) => at > (last.get(event.call_id) ?? -1));
}

const isIn = ({ turns, hasEnded }: Covered, event: ToldEvent['event']): boolean =>
  hasEnded ||
  event.type === 'call-started' ||
  // A turn that a provider told of may have grown since.
  (event.type === 'turn' && (turns[event.turn.index]?.text.length ?? -1) >= event.turn.text.length);

async function within(clock: Parts['clock'], limitMs: number, work: Promise<void>): Promise<void> {
  const stop = new AbortController();
  const late = async (): Promise<never> => {
    await clock.sleep(limitMs, stop.signal);
    throw new VoiceError('unavailable', 'What was told cannot be stored at present.');
  };
  try {
    await Promise.race([work, late()]);
  } finally {
    stop.abort();
  }
}
