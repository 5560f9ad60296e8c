import type { LiveCalls } from '#contracts/live-calls.ts';
import { VoiceError } from '#lib/errors.ts';
import type { CallPage, CallQuery, CallSummary } from '#protocol/calls.ts';
import type { CallFilter, StoredCall } from '#store/store.ts';

/** What a query asks for, as the store is asked. */
export const filterOf = (query: CallQuery): CallFilter => ({
  state: query.state,
  endReason: query.end_reason,
  provider: query.provider,
  from: query.started_after === undefined ? undefined : new Date(query.started_after),
  until: query.started_before === undefined ? undefined : new Date(query.started_before),
});

/** A page of `limit` calls, of which one more was found if there are more. Live calls have the state of their session. */
export function pageOf(
  found: readonly StoredCall[],
  limit: number,
  live: ReturnType<LiveCalls['list']>,
  nowMs: number,
): CallPage {
  const shown = found.slice(0, limit);
  const last = found.length > limit ? shown.at(-1) : undefined;
  const stateOf = (call: StoredCall): CallSummary['state'] =>
    call.endedAt
      ? call.state
      : (live.find(({ callId }) => callId === call.id)?.state ?? call.state);
  return {
    calls: shown.map((call) => ({
      call_id: call.id,
      instance_id: call.instanceId,
      provider: call.provider,
      caller_phone: call.callerPhone,
      state: stateOf(call),
      started_at: call.startedAt.toISOString(),
      ended_at: call.endedAt?.toISOString() ?? null,
      end_reason: call.endReason,
      end_detail: call.endDetail,
      duration_seconds: Math.max(
        0,
        Math.floor(((call.endedAt?.getTime() ?? nowMs) - call.startedAt.getTime()) / 1_000),
      ),
      turn_count: call.turnCount,
    })),
    next_cursor: last ? cursorOf(last) : null,
  };
}

/** Opaque to clients; where a page ended, so that calls that begin meanwhile move nothing. */
const cursorOf = ({ startedAt, id }: StoredCall): string =>
  Buffer.from(`${startedAt.toISOString()} ${id}`).toString('base64url');

const PLACE = /^(\S+Z) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Throws `invalid` on what was not given by a page before. */
export function readCursor(
  cursor: string | undefined,
): Pick<StoredCall, 'id' | 'startedAt'> | undefined {
  if (cursor === undefined) return undefined;
  const [, at = '', id = ''] = PLACE.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  const startedAt = new Date(at);
  if (id === '' || Number.isNaN(startedAt.getTime()))
    throw new VoiceError('invalid', 'The request is not valid.', {
      faults: [
        {
          loc: ['query', 'cursor'],
          msg: 'Value error, This is not the next_cursor of a page.',
          type: 'value_error',
        },
      ],
    });
  return { startedAt, id };
}
