import { and, asc, desc, eq, gte, inArray, isNull } from 'drizzle-orm';
import type { Clock } from '#lib/clock.ts';
import type { JsonRecord } from '#lib/record.ts';
import type { Call, Turn } from '#protocol/calls.ts';
import { isUuid } from './access.ts';
import type { Access } from './access.ts';
import type { CallRecordsStore } from './call-records-store.ts';
import { calls, providerCalls, turns } from './schema.ts';

/** Whole calls, with what was said in them. */
export function callRecords(access: Access, clock: Clock): CallRecordsStore {
  const getMany = async (
    tenantId: string,
    callIds: readonly string[],
  ): Promise<readonly Call[]> => {
    const ids = callIds.filter(isUuid);
    if (ids.length === 0) return [];
    return access.asTenant(tenantId, async (queries) => {
      const rows = await queries
        .select()
        .from(calls)
        .where(and(eq(calls.tenantId, tenantId), inArray(calls.id, ids)));
      const spoken = await queries
        .select()
        .from(turns)
        .where(and(eq(turns.tenantId, tenantId), inArray(turns.callId, ids)))
        .orderBy(asc(turns.index));
      const carried = await queries
        .select()
        .from(providerCalls)
        .where(and(eq(providerCalls.tenantId, tenantId), inArray(providerCalls.callId, ids)));
      const rowOf = new Map(rows.map((row) => [row.id, row]));
      const turnsOf = Map.groupBy(spoken, (turn) => turn.callId);
      const carriedOf = new Map(carried.map((one) => [one.callId, one]));
      const nowMs = clock.now();
      return ids.flatMap((id) => {
        const row = rowOf.get(id.toLowerCase());
        if (!row) return [];
        const led = turnsOf.get(row.id) ?? [];
        const told = carriedOf.get(row.id);
        const isLed = led.length > 0 || !told || told.isLed;
        const said = isLed ? led.map(turnOf) : [...told.turns];
        return [callOf(row, said, told?.record ?? undefined, nowMs)];
      });
    });
  };

  return {
    getMany,

    async get(tenantId, callId) {
      const [call] = await getMany(tenantId, [callId]);
      return call;
    },

    async current(tenantId, instanceId, { endedSince, endedMax }) {
      if (!isUuid(instanceId)) return { callIds: [], endedSince };
      return access.asTenant(tenantId, async (queries) => {
        const own = and(eq(calls.tenantId, tenantId), eq(calls.instanceId, instanceId));
        // Live ones first: one that ends between the two is then found twice, and not missed.
        const live = await queries
          .select({ id: calls.id })
          .from(calls)
          .where(and(own, isNull(calls.endedAt)))
          .orderBy(asc(calls.startedAt), asc(calls.id));
        const ended = endedSince
          ? await queries
              .select({ id: calls.id, endedAt: calls.endedAt })
              .from(calls)
              .where(and(own, gte(calls.endedAt, endedSince)))
              .orderBy(desc(calls.endedAt), desc(calls.id))
              .limit(endedMax)
          : [];
        const oldest = ended.length === endedMax ? ended.at(-1)?.endedAt : undefined;
        const callIds = new Set([...ended.toReversed(), ...live].map(({ id }) => id));
        return { callIds: [...callIds], endedSince: oldest ?? endedSince };
      });
    },
  };
}

const turnOf = (row: typeof turns.$inferSelect): Turn => ({
  index: row.index,
  role: row.role,
  text: row.text,
  heard: row.heard,
  interrupted: row.interrupted,
  start_ms: row.startMs,
  end_ms: row.endMs,
  waterfall_ms: row.waterfallMs,
});

function callOf(
  row: typeof calls.$inferSelect,
  turns: Turn[],
  record: JsonRecord | undefined,
  nowMs: number,
): Call {
  const lastedMs = (row.endedAt?.getTime() ?? nowMs) - row.startedAt.getTime();
  return {
    call_id: row.id,
    instance_id: row.instanceId,
    provider: row.provider,
    caller_phone: row.callerPhone,
    state: row.state,
    started_at: row.startedAt.toISOString(),
    ended_at: row.endedAt?.toISOString() ?? null,
    end_reason: row.endReason,
    end_detail: row.endDetail,
    duration_seconds: Math.max(0, Math.floor(lastedMs / 1_000)),
    turns,
    ...(record && { provider_record: record }),
  };
}
