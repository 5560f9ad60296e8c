import { createHash } from 'node:crypto';
import { and, desc, eq, gte, isNotNull, isNull, lt, or } from 'drizzle-orm';
import type { Clock } from '#lib/clock.ts';
import { isUuid } from './access.ts';
import type { Access, Queries } from './access.ts';
import { calls, erasedCalls, providerEvents } from './schema.ts';
import type { CallFilter, Store, StoredCall } from './store.ts';
import { TURN_COUNT } from './turn-count.ts';

/** The calls of an instance over time, and the end of what is known of one. */
export function callHistory(access: Access, clock: Clock): Pick<Store['calls'], 'page' | 'erase'> {
  return {
    async page(tenantId, instanceId, filter, { after, limit }) {
      if (!isUuid(instanceId)) return [];
      return access.asTenant(tenantId, (queries) =>
        queries
          .select(SUMMARY)
          .from(calls)
          .where(
            and(
              eq(calls.tenantId, tenantId),
              eq(calls.instanceId, instanceId),
              ...conditionsOf(filter),
              after &&
                or(
                  lt(calls.startedAt, after.startedAt),
                  and(eq(calls.startedAt, after.startedAt), lt(calls.id, after.id)),
                ),
            ),
          )
          .orderBy(desc(calls.startedAt), desc(calls.id))
          .limit(limit),
      );
    },

    async erase(tenantId, callId) {
      if (!isUuid(callId)) return 'not-found';
      return access.asTenant(tenantId, async (queries) => {
        const [call] = await queries
          .select({
            instanceId: calls.instanceId,
            carrierCallId: calls.carrierCallId,
            endedAt: calls.endedAt,
          })
          .from(calls)
          .where(and(eq(calls.tenantId, tenantId), eq(calls.id, callId)))
          .for('update');
        if (!call) return 'not-found';
        if (!call.endedAt) return 'live';
        const { instanceId, carrierCallId } = call;
        const carrierCallHash = hashOf(carrierCallId);
        const erasedAt = new Date(clock.now());
        await queries
          .insert(erasedCalls)
          .values({ tenantId, instanceId, carrierCallHash, erasedAt })
          .onConflictDoNothing();
        await queries
          .delete(providerEvents)
          .where(
            and(
              eq(providerEvents.tenantId, tenantId),
              eq(providerEvents.instanceId, instanceId),
              eq(providerEvents.carrierCallId, carrierCallId),
            ),
          );
        // Its turns, journal and provider's record go with it.
        await queries.delete(calls).where(and(eq(calls.tenantId, tenantId), eq(calls.id, callId)));
        return 'erased';
      });
    },
  };
}

/** Which of these calls were erased, by the carrier's ids of them. */
export async function erasedAmong(
  queries: Queries,
  tenantId: string,
  told: readonly { readonly instanceId: string; readonly carrierCallId: string }[],
): Promise<(call: { readonly instanceId: string; readonly carrierCallId: string }) => boolean> {
  const key = (instanceId: string, hash: Uint8Array): string =>
    `${instanceId} ${Buffer.from(hash).toString('hex')}`;
  const rows = await queries
    .select({ instanceId: erasedCalls.instanceId, hash: erasedCalls.carrierCallHash })
    .from(erasedCalls)
    .where(
      and(
        eq(erasedCalls.tenantId, tenantId),
        or(
          ...told.map(({ instanceId, carrierCallId }) =>
            and(
              eq(erasedCalls.instanceId, instanceId),
              eq(erasedCalls.carrierCallHash, hashOf(carrierCallId)),
            ),
          ),
        ),
      ),
    );
  const erased = new Set(rows.map(({ instanceId, hash }) => key(instanceId, hash)));
  return ({ instanceId, carrierCallId }) => erased.has(key(instanceId, hashOf(carrierCallId)));
}

const hashOf = (carrierCallId: string): Uint8Array =>
  createHash('sha256').update(carrierCallId).digest();

const conditionsOf = ({ state, endReason, provider, from, until }: CallFilter) => [
  state === 'live' ? isNull(calls.endedAt) : undefined,
  state === 'ended' ? isNotNull(calls.endedAt) : undefined,
  endReason && eq(calls.endReason, endReason),
  provider && eq(calls.provider, provider),
  from && gte(calls.startedAt, from),
  until && lt(calls.startedAt, until),
];

const SUMMARY = {
  id: calls.id,
  instanceId: calls.instanceId,
  provider: calls.provider,
  callerPhone: calls.callerPhone,
  state: calls.state,
  startedAt: calls.startedAt,
  endedAt: calls.endedAt,
  endReason: calls.endReason,
  endDetail: calls.endDetail,
  turnCount: TURN_COUNT,
} satisfies Record<keyof StoredCall, unknown>;
