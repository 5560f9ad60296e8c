import { and, asc, eq, isNull, sql } from 'drizzle-orm';
import { VoiceError } from '#lib/errors.ts';
import type { EndReason } from '#protocol/calls.ts';
import type { CallState, ProviderName } from '#protocol/voice-channel.ts';
import { isUuid } from './access.ts';
import type { Access, Queries } from './access.ts';
import { createBatches } from './batch.ts';
import type { CallRecordsStore } from './call-records-store.ts';
import { insertCallWrites } from './call-writes.ts';
import type { CallWrite } from './call-writes.ts';
import { notFoundOnForeignKey } from './database.ts';
import { calls, journals, providerCalls, providerEvents } from './schema.ts';
import { storableText } from './storable.ts';
import type { NewCall, Store } from './store.ts';
import { TURN_COUNT } from './turn-count.ts';

export function callQueries(
  access: Access,
): Omit<Store['calls'], keyof CallRecordsStore | 'page' | 'erase' | 'figures'> {
  // The two writes of live calls, several times a turn for each of hundreds.
  const writeState = createBatches<StateChange>((tenantId, changes) =>
    access.asTenant(tenantId, (queries) => updateStates(queries, tenantId, changes)),
  );
  const writeRecord = createBatches<CallWrite>((tenantId, writes) =>
    access.asTenant(tenantId, (queries) => insertCallWrites(queries, tenantId, writes)),
  );

  return {
    async begin(call) {
      const begun = await access
        .asTenant(call.tenantId, (queries) => insertCall(queries, call))
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
      if (isUuid(callId)) await writeState(tenantId, { callId, state });
    },

    async record(tenantId, callId, { turns: newTurns, journal }) {
      if (!isUuid(callId)) throw new VoiceError('not_found', 'Call not found');
      if (newTurns.length === 0 && journal.length === 0) return;
      await writeRecord(tenantId, { callId, turns: newTurns, journal }).catch(
        notFoundOnForeignKey('Call not found'),
      );
    },

    async end(tenantId, callId, { reason, detail, at }) {
      if (!isUuid(callId)) return false;
      return access.asTenant(tenantId, async (queries) => {
        const ended = await queries
          .update(calls)
          .set({
            state: 'ended',
            endedAt: at,
            endReason: reason,
            endDetail: detail === null ? null : storableText(detail),
          })
          .where(and(own(tenantId, callId), isNull(calls.endedAt)))
          .returning({ id: calls.id });
        if (ended.length === 0) await noteLateEnd(queries, tenantId, callId, { reason, at });
        return ended.length > 0;
      });
    },

    async live(tenantId, instanceId) {
      if (!isUuid(instanceId)) return [];
      return access.asTenant(tenantId, (queries) =>
        queries
          .select({
            id: calls.id,
            instanceId: calls.instanceId,
            provider: sql<ProviderName>`${calls.provider}`,
            carrierCallId: calls.carrierCallId,
            callerPhone: calls.callerPhone,
            startedAt: calls.startedAt,
            state: sql<CallState>`${calls.state}`,
            turnCount: TURN_COUNT,
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

    async tenantOf(callId) {
      if (!isUuid(callId)) return undefined;
      const [row] = await access.asSystem((queries) =>
        queries.select({ tenantId: calls.tenantId }).from(calls).where(eq(calls.id, callId)),
      );
      return row?.tenantId;
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

async function insertCall(queries: Queries, call: NewCall): Promise<readonly unknown[]> {
  const begun = await queries
    .insert(calls)
    .values({
      ...call,
      callerPhone: storableText(call.callerPhone),
      calledPhone: storableText(call.calledPhone),
      state: 'ringing' satisfies CallState,
    })
    .onConflictDoNothing({ target: [calls.tenantId, calls.instanceId, calls.carrierCallId] })
    .returning({ id: calls.id });
  // No node's death ends it: that its provider is asked about it begins with the call.
  if (begun.length > 0 && call.provider === 'retell')
    await queries.insert(providerCalls).values({
      tenantId: call.tenantId,
      callId: call.id,
      checkAt: new Date(call.startedAt.getTime() + FIRST_CHECK_MS),
    });
  return begun;
}

/** A call of a provider that nothing is heard of for so long is asked about. */
const FIRST_CHECK_MS = 120_000;

/** The provider told the end of a call first; what its session knows of it is folded into the record. */
async function noteLateEnd(
  queries: Queries,
  tenantId: string,
  callId: string,
  end: { readonly reason: EndReason; readonly at: Date },
): Promise<void> {
  const [noted] = await queries
    .update(providerCalls)
    .set({ sessionEndReason: end.reason })
    .where(
      and(
        eq(providerCalls.tenantId, tenantId),
        eq(providerCalls.callId, callId),
        providerCalls.isLed,
        providerCalls.isEndFolded,
        isNull(providerCalls.sessionEndReason),
      ),
    )
    .returning({ callId: providerCalls.callId });
  if (!noted) return;
  const [call] = await queries
    .select({ instanceId: calls.instanceId, carrierCallId: calls.carrierCallId })
    .from(calls)
    .where(own(tenantId, callId));
  if (!call) return;
  await queries
    .update(providerEvents)
    .set({ dueAt: end.at })
    .where(
      and(
        eq(providerEvents.tenantId, tenantId),
        eq(providerEvents.instanceId, call.instanceId),
        eq(providerEvents.carrierCallId, call.carrierCallId),
      ),
    );
}

type StateChange = { readonly callId: string; readonly state: CallState };

async function updateStates(
  queries: Queries,
  tenantId: string,
  changes: readonly StateChange[],
): Promise<void> {
  // Of several changes to one call the last one counts.
  const latest = new Map(changes.map((change) => [change.callId, change.state]));
  const rows = [...latest].map(([callId, state]) => sql`(${callId}::uuid, ${state}::text)`);
  await queries
    .update(calls)
    .set({ state: sql`change.state` })
    .from(sql`(values ${sql.join(rows, sql`, `)}) as change (call_id, state)`)
    .where(
      and(eq(calls.tenantId, tenantId), eq(calls.id, sql`change.call_id`), isNull(calls.endedAt)),
    );
}

const own = (tenantId: string, callId: string) =>
  and(eq(calls.tenantId, tenantId), eq(calls.id, callId));

const liveOf = (tenantId: string, instanceId: string) =>
  and(eq(calls.tenantId, tenantId), eq(calls.instanceId, instanceId), isNull(calls.endedAt));
