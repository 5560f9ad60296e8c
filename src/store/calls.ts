import { and, asc, eq, isNull, sql } from 'drizzle-orm';
import type { Clock } from '#lib/clock.ts';
import { VoiceError } from '#lib/errors.ts';
import type { Call, Turn } from '#protocol/calls.ts';
import type { CallState } from '#protocol/voice-channel.ts';
import { isUuid } from './access.ts';
import type { Access } from './access.ts';
import { DatabaseError, FOREIGN_KEY_VIOLATION } from './database.ts';
import { calls, journals, turns } from './schema.ts';
import { storable, storableText } from './storable.ts';
import type { Store } from './store.ts';

export function callQueries(access: Access, clock: Clock): Store['calls'] {
  return {
    async begin(call) {
      const begun = await access
        .asTenant(call.tenantId, (queries) =>
          queries
            .insert(calls)
            .values({
              ...call,
              callerPhone: storableText(call.callerPhone),
              calledPhone: storableText(call.calledPhone),
              state: 'ringing' satisfies CallState,
            })
            .onConflictDoNothing({
              target: [calls.tenantId, calls.instanceId, calls.carrierCallId],
            })
            .returning({ id: calls.id }),
        )
        .catch(notFoundOnForeignKey('Instance not found'));
      return begun.length > 0;
    },

    async findByCarrierId(tenantId, instanceId, carrierCallId) {
      if (!isUuid(instanceId) || carrierCallId.includes('\0')) return undefined;
      const [row] = await access.asTenant(tenantId, (queries) =>
        queries
          .select({ id: calls.id, ended: sql<boolean>`${calls.endedAt} is not null` })
          .from(calls)
          .where(
            and(
              eq(calls.tenantId, tenantId),
              eq(calls.instanceId, instanceId),
              eq(calls.carrierCallId, carrierCallId),
            ),
          ),
      );
      return row;
    },

    async setState(tenantId, callId, state) {
      if (!isUuid(callId)) return;
      await access.asTenant(tenantId, (queries) =>
        queries
          .update(calls)
          .set({ state })
          .where(and(own(tenantId, callId), isNull(calls.endedAt))),
      );
    },

    async record(tenantId, callId, what) {
      if (!isUuid(callId)) throw noCall();
      if (what.turns.length === 0 && what.journal.length === 0) return;
      await access
        .asTenant(tenantId, async (queries) => {
          if (what.turns.length > 0)
            await queries
              .insert(turns)
              .values(what.turns.map((turn) => turnRow(tenantId, callId, turn)))
              .onConflictDoNothing({ target: [turns.tenantId, turns.callId, turns.index] });
          if (what.journal.length > 0)
            await queries
              .insert(journals)
              .values({ tenantId, callId, entries: storable(what.journal) });
        })
        .catch(notFoundOnForeignKey('Call not found'));
    },

    async end(tenantId, callId, { reason, detail, at }) {
      if (!isUuid(callId)) return false;
      const ended = await access.asTenant(tenantId, (queries) =>
        queries
          .update(calls)
          .set({
            state: 'ended',
            endedAt: at,
            endReason: reason,
            endDetail: detail === null ? null : storableText(detail),
          })
          .where(and(own(tenantId, callId), isNull(calls.endedAt)))
          .returning({ id: calls.id }),
      );
      return ended.length > 0;
    },

    async live(tenantId, instanceId) {
      if (!isUuid(instanceId)) return [];
      return access.asTenant(tenantId, (queries) =>
        queries
          .select({
            id: calls.id,
            instanceId: calls.instanceId,
            callerPhone: calls.callerPhone,
            startedAt: calls.startedAt,
            state: sql<CallState>`${calls.state}`,
            // Spelled out: Drizzle leaves the table's name away where a query has but one table.
            turnCount: sql<number>`(select count(*)::int from hydracore.turns
                where turns.tenant_id = calls.tenant_id and turns.call_id = calls.id)`,
          })
          .from(calls)
          .where(liveOf(tenantId, instanceId))
          .orderBy(asc(calls.startedAt), asc(calls.id)),
      );
    },

    async countLive(tenantId, instanceId) {
      if (!isUuid(instanceId)) return 0;
      const [row] = await access.asTenant(tenantId, (queries) =>
        queries
          .select({ count: sql<number>`count(*)::int` })
          .from(calls)
          .where(liveOf(tenantId, instanceId)),
      );
      return row?.count ?? 0;
    },

    async get(tenantId, callId) {
      if (!isUuid(callId)) return undefined;
      return access.asTenant(tenantId, async (queries) => {
        const [row] = await queries.select().from(calls).where(own(tenantId, callId));
        if (!row) return undefined;
        const rows = await queries
          .select()
          .from(turns)
          .where(and(eq(turns.tenantId, tenantId), eq(turns.callId, callId)))
          .orderBy(asc(turns.index));
        return callOf(row, rows.map(turnOf), clock.now());
      });
    },

    async journal(tenantId, callId) {
      if (!isUuid(callId)) return [];
      const rows = await access.asTenant(tenantId, (queries) =>
        queries
          .select({ entries: journals.entries })
          .from(journals)
          .where(and(eq(journals.tenantId, tenantId), eq(journals.callId, callId)))
          .orderBy(asc(journals.sequence)),
      );
      return rows.flatMap((row) => row.entries);
    },
  };
}

const own = (tenantId: string, callId: string) =>
  and(eq(calls.tenantId, tenantId), eq(calls.id, callId));

const liveOf = (tenantId: string, instanceId: string) =>
  and(eq(calls.tenantId, tenantId), eq(calls.instanceId, instanceId), isNull(calls.endedAt));

const turnRow = (tenantId: string, callId: string, turn: Turn): typeof turns.$inferInsert => ({
  tenantId,
  callId,
  index: turn.index,
  role: turn.role,
  text: storableText(turn.text),
  heard: storableText(turn.heard),
  interrupted: turn.interrupted,
  startMs: turn.start_ms,
  endMs: turn.end_ms,
  waterfallMs: turn.waterfall_ms,
});

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

function callOf(row: typeof calls.$inferSelect, turns: Turn[], nowMs: number): Call {
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
  };
}

const noCall = (): VoiceError => new VoiceError('not_found', 'Call not found');

const notFoundOnForeignKey =
  (message: string) =>
  (error: unknown): never => {
    if (error instanceof DatabaseError && error.code === FOREIGN_KEY_VIOLATION)
      throw new VoiceError('not_found', message, { cause: error });
    throw error;
  };
