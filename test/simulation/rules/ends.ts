import type { Rule } from './rule.ts';

/** From the caller's side being gone to the end being known; a line that dies without a word takes 5 s to be missed. */
const KNOWN_WITHIN_MS = 8_000;
/** Until the end is stored. Longer only while the database is in trouble; a node that is gone is swept up after by another. */
const STORED_WITHIN_MS = 15_000;
const SWEPT_WITHIN_MS = 100_000;

/** Every call ends, at the carrier, in the session and in the store, soon and with a reason. */
export const callEnds: Rule = {
  name: 'call-ends',
  check({ plan, isStuck, overMs, sessionMs, call, events, simulatedMs }) {
    if (isStuck || overMs === undefined)
      return [{ atMs: simulatedMs, what: 'the call never ends' }];
    if (!call)
      return sessionMs === undefined ? [] : [{ atMs: overMs, what: 'the call is not stored' }];
    if (call.end_reason === null || call.ended_at === null)
      return [{ atMs: overMs, what: `the call is still ${call.state} in the store` }];
    if (call.end_reason === 'node_lost' && plan.node?.kind !== 'kill' && sessionMs !== undefined)
      return [{ atMs: overMs, what: 'a call is lost with a node that ended in peace' }];
    const endedMs = Date.parse(call.ended_at) - Date.parse(call.started_at);
    const isKilled = plan.node?.kind === 'kill';
    const limitMs = isKilled || sessionMs === undefined ? SWEPT_WITHIN_MS : STORED_WITHIN_MS;
    if (endedMs > overMs + limitMs && plan.storeTroubles.length === 0)
      return [
        { atMs: overMs, what: `the end is known ${endedMs - overMs} ms after the line was cut` },
      ];
    if (sessionMs === undefined || isKilled) return [];
    const toldMs = events.find(({ what }) => what.type === 'call-ended')?.atMs;
    if (toldMs === undefined || toldMs > overMs + KNOWN_WITHIN_MS)
      return [{ atMs: overMs, what: 'the session outlives its call' }];
    return [];
  },
};

/** A fault of the program itself ends no call. */
export const noInternalError: Rule = {
  name: 'internal-error',
  check: ({ complaints, call, overMs }) => [
    ...complaints,
    ...(call?.end_reason === 'internal_error'
      ? [{ atMs: overMs ?? 0, what: `internal error: ${call.end_detail}` }]
      : []),
  ],
};

/** Whatever a call opened is closed when it is over: timers, sockets, streams, connections to vendors. */
export const allIsReleased: Rule = {
  name: 'released',
  check: ({ leftovers, simulatedMs }) =>
    leftovers.map((what) => ({ atMs: simulatedMs, what: `left open: ${what}` })),
};
