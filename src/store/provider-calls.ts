import { and, asc, eq, inArray, lte, min, sql } from 'drizzle-orm';
import type { JsonRecord } from '#lib/record.ts';
import { VoiceError } from '#lib/errors.ts';
import { newUuid } from '#lib/ids.ts';
import { isUuid } from './access.ts';
import type { Access, Queries } from './access.ts';
import { erasedAmong } from './call-history.ts';
import { createBatches } from './batch.ts';
import { notFoundOnForeignKey } from './database.ts';
import { calls, providerCalls, providerEvents, turns } from './schema.ts';
import { storable, storableText } from './storable.ts';
import type {
  CarrierCall,
  FoldedCall,
  ProviderCallChange,
  ProviderCallStore,
  ProviderEvent,
  StoredProviderCall,
} from './provider-call-store.ts';

export function providerCallQueries(access: Access): ProviderCallStore {
  // A provider may send hundreds a second, and waits for each to be stored.
  const writeEvents = createBatches<NewEvent>((tenantId, events) =>
    access.asTenant(tenantId, (queries) => insertEvents(queries, events)),
  );

  return {
    async add(event, foldBy) {
      if (!isUuid(event.instanceId)) throw new VoiceError('not_found', 'Instance not found');
      const stored = { ...event, name: storableText(event.name), body: storable(event.body) };
      await writeEvents(event.tenantId, { ...stored, foldBy }).catch(
        notFoundOnForeignKey('Instance not found'),
      );
    },

    async due(now, limit) {
      return access.asSystem((queries) =>
        queries
          .select({
            tenantId: providerEvents.tenantId,
            instanceId: providerEvents.instanceId,
            carrierCallId: providerEvents.carrierCallId,
          })
          .from(providerEvents)
          .where(lte(providerEvents.dueAt, now))
          .groupBy(providerEvents.tenantId, providerEvents.instanceId, providerEvents.carrierCallId)
          .orderBy(asc(min(providerEvents.dueAt)))
          .limit(limit),
      );
    },

    async fold(call, nodeId, decide) {
      if (!isUuid(call.instanceId)) return undefined;
      return access.asTenant(call.tenantId, async (queries) => {
        const events = await lockEvents(queries, call);
        if (events.length === 0) return undefined;
        const known = await readCall(queries, call);
        const change = decide(events, known);
        const before = known ?? (await beginOrRead(queries, call, nodeId, change));
        await writeChange(queries, call.tenantId, before, change);
        await queries
          .update(providerEvents)
          .set({ dueAt: null })
          .where(and(ofCall(call), sql`${providerEvents.dueAt} is not null`));
        return { callId: before.id, before: known, change } satisfies FoldedCall;
      });
    },

    async putOff(call, foldBy) {
      if (!isUuid(call.instanceId)) return;
      await access.asTenant(call.tenantId, (queries) =>
        queries
          .update(providerEvents)
          .set({ dueAt: foldBy })
          .where(and(ofCall(call), sql`${providerEvents.dueAt} is not null`)),
      );
    },

    async lead(tenantId, callId) {
      if (!isUuid(callId)) throw new VoiceError('not_found', 'Call not found');
      return access
        .asTenant(tenantId, async (queries) => {
          await queries
            .insert(providerCalls)
            .values({ tenantId, callId, isLed: true })
            .onConflictDoUpdate({
              target: [providerCalls.tenantId, providerCalls.callId],
              set: { isLed: true },
            });
          const [row] = await queries
            .select({ count: sql<number>`count(*)::int` })
            .from(turns)
            .where(and(eq(turns.tenantId, tenantId), eq(turns.callId, callId)));
          return row?.count ?? 0;
        })
        .catch(notFoundOnForeignKey('Call not found'));
    },

    async claimChecks(now, leaseMs, limit) {
      return access.asSystem(async (queries) => {
        const due = await queries
          .select({ callId: providerCalls.callId })
          .from(providerCalls)
          .where(lte(providerCalls.checkAt, now))
          .orderBy(asc(providerCalls.checkAt))
          .limit(limit)
          .for('update', { skipLocked: true });
        if (due.length === 0) return [];
        return queries
          .update(providerCalls)
          .set({
            checkAt: new Date(now.getTime() + leaseMs),
            checks: sql`${providerCalls.checks} + 1`,
          })
          .from(calls)
          .where(
            and(
              inArray(
                providerCalls.callId,
                due.map(({ callId }) => callId),
              ),
              eq(calls.tenantId, providerCalls.tenantId),
              eq(calls.id, providerCalls.callId),
            ),
          )
          .returning({
            tenantId: calls.tenantId,
            instanceId: calls.instanceId,
            carrierCallId: calls.carrierCallId,
            startedAt: calls.startedAt,
            checks: providerCalls.checks,
          });
      });
    },
  };
}

type NewEvent = ProviderEvent & { readonly foldBy: Date };

async function insertEvents(queries: Queries, events: readonly NewEvent[]): Promise<void> {
  // One statement cannot change a row twice, and all nodes lock rows in one order.
  const latest = new Map<string, NewEvent>();
  for (const event of events) {
    const place = JSON.stringify([event.instanceId, event.carrierCallId, event.key]);
    const other = latest.get(place);
    if (!other || event.rank > other.rank) latest.set(place, event);
  }
  const tenantId = events[0]?.tenantId ?? '';
  const wasErased = await erasedAmong(queries, tenantId, events);
  const rows = [...latest]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, event]) => (wasErased(event) ? [] : [event]));
  if (rows.length === 0) return;
  await queries
    .insert(providerEvents)
    .values(rows.map(({ foldBy, ...event }) => ({ ...event, dueAt: foldBy })))
    .onConflictDoUpdate({
      target: [
        providerEvents.tenantId,
        providerEvents.instanceId,
        providerEvents.carrierCallId,
        providerEvents.key,
      ],
      set: {
        rank: sql`excluded.rank`,
        name: sql`excluded.name`,
        body: sql`excluded.body`,
        receivedAt: sql`excluded.received_at`,
        dueAt: sql`excluded.due_at`,
      },
      setWhere: sql`${providerEvents.rank} < excluded.rank`,
    });
}

const ofCall = (call: CarrierCall) =>
  and(
    eq(providerEvents.tenantId, call.tenantId),
    eq(providerEvents.instanceId, call.instanceId),
    eq(providerEvents.carrierCallId, call.carrierCallId),
  );

/** Nobody else folds this call, nor replaces any of these events, until the transaction ends. */
async function lockEvents(queries: Queries, call: CarrierCall): Promise<readonly ProviderEvent[]> {
  const rows = await queries
    .select()
    .from(providerEvents)
    .where(ofCall(call))
    .orderBy(sql`${providerEvents.key} collate "C"`)
    .for('update');
  return rows.map(({ dueAt: _dueAt, ...event }) => event);
}

async function readCall(
  queries: Queries,
  call: CarrierCall,
): Promise<StoredProviderCall | undefined> {
  const [row] = await queries
    .select({
      id: calls.id,
      startedAt: calls.startedAt,
      state: calls.state,
      endReason: calls.endReason,
      isEndFolded: providerCalls.isEndFolded,
      sessionEndReason: providerCalls.sessionEndReason,
      isLed: providerCalls.isLed,
      turns: providerCalls.turns,
      checks: providerCalls.checks,
    })
    .from(calls)
    .leftJoin(
      providerCalls,
      and(eq(providerCalls.tenantId, calls.tenantId), eq(providerCalls.callId, calls.id)),
    )
    .where(
      and(
        eq(calls.tenantId, call.tenantId),
        eq(calls.instanceId, call.instanceId),
        eq(calls.carrierCallId, call.carrierCallId),
      ),
    );
  if (!row) return undefined;
  const { endReason, isEndFolded, ...stored } = row;
  return {
    ...stored,
    sessionEndReason: isEndFolded ? stored.sessionEndReason : endReason,
    isLed: stored.isLed ?? false,
    turns: stored.turns ?? [],
    checks: stored.checks ?? 0,
  };
}

/** The socket of the same call may begin it at this very moment: one of the two does. */
async function beginOrRead(
  queries: Queries,
  call: CarrierCall,
  nodeId: string,
  change: ProviderCallChange,
): Promise<Pick<StoredProviderCall, 'id' | 'sessionEndReason'>> {
  const [begun] = await queries
    .insert(calls)
    .values({
      ...call,
      id: newUuid(),
      provider: 'retell',
      callerPhone: storableText(change.callerPhone),
      calledPhone: storableText(change.calledPhone),
      nodeId,
      state: change.state,
      startedAt: change.startedAt,
    })
    .onConflictDoNothing({ target: [calls.tenantId, calls.instanceId, calls.carrierCallId] })
    .returning({ id: calls.id });
  if (begun) return { id: begun.id, sessionEndReason: null };
  const known = await readCall(queries, call);
  if (!known) throw new VoiceError('unavailable', 'The call could not be stored.');
  return known;
}

async function writeChange(
  queries: Queries,
  tenantId: string,
  { id, sessionEndReason }: Pick<StoredProviderCall, 'id' | 'sessionEndReason'>,
  change: ProviderCallChange,
): Promise<void> {
  const own = and(eq(calls.tenantId, tenantId), eq(calls.id, id));
  const { end } = change;
  await queries
    .update(calls)
    .set({
      callerPhone: orStored(change.callerPhone, calls.callerPhone),
      calledPhone: orStored(change.calledPhone, calls.calledPhone),
      startedAt: change.startedAt,
      // A session that ended its part may be ahead of what has been heard from the provider.
      state: end
        ? 'ended'
        : sql`case when ${calls.endedAt} is null then ${change.state} else 'ended' end`,
      ...(end && {
        endedAt: end.at,
        endReason: end.reason,
        endDetail: end.detail === null ? null : storableText(end.detail),
      }),
    })
    .where(own);
  const columns = {
    turns: storable(change.turns),
    record: change.record === undefined ? null : storable<JsonRecord>(change.record),
    checkAt: change.checkAt,
    checks: change.checks,
    isEndFolded: end !== undefined,
    sessionEndReason: end ? sessionEndReason : null,
  };
  await queries
    .insert(providerCalls)
    .values({ tenantId, callId: id, ...columns })
    .onConflictDoUpdate({
      target: [providerCalls.tenantId, providerCalls.callId],
      // By name, so that what was said is not sent twice.
      set: {
        turns: sql`excluded.turns`,
        record: sql`excluded.record`,
        checkAt: sql`excluded.check_at`,
        checks: sql`excluded.checks`,
        isEndFolded: sql`excluded.is_end_folded`,
        sessionEndReason: sql`excluded.session_end_reason`,
      },
    });
}

/** What is known of a number stays known. */
const orStored = (phone: string, column: typeof calls.callerPhone | typeof calls.calledPhone) =>
  phone === '' ? sql`${column}` : storableText(phone);
