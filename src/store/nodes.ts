import { and, eq, gte, inArray, isNull, lt, ne, notExists, sql } from 'drizzle-orm';
import type { EndReason } from '#protocol/calls.ts';
import type { Access } from './access.ts';
import { calls, mediaTokens, nodes } from './schema.ts';
import type { LostCall, Store } from './store.ts';

/** Calls ended by one sweep at most, so that it locks few rows at a time. */
const SWEEP_MAX = 1_000;

export function nodeQueries(access: Access): Store['nodes'] {
  return {
    async heartbeat(nodeId, at) {
      await access.asSystem((queries) =>
        queries
          .insert(nodes)
          .values({ id: nodeId, lastSeenAt: at })
          .onConflictDoUpdate({ target: nodes.id, set: { lastSeenAt: at } }),
      );
    },

    async sweep(before, now) {
      const all: LostCall[] = [];
      for (let ended = SWEEP_MAX; ended === SWEEP_MAX;) {
        const some = await access.asSystem(async (queries) => {
          const alive = queries
            .select({ one: sql`1` })
            .from(nodes)
            .where(and(eq(nodes.id, calls.nodeId), gte(nodes.lastSeenAt, before)));
          // A node says that it lives before it takes calls: a call begun since `before` has one.
          const lost = await queries
            .select({ id: calls.id, instanceId: calls.instanceId, startedAt: calls.startedAt })
            .from(calls)
            .where(
              and(
                isNull(calls.endedAt),
                lt(calls.startedAt, before),
                // Retell carries its calls itself, and tells when they end.
                ne(calls.provider, 'retell'),
                notExists(alive),
              ),
            )
            .limit(SWEEP_MAX)
            .for('update', { skipLocked: true });
          if (lost.length > 0)
            await queries
              .update(calls)
              .set({ state: 'ended', endedAt: now, endReason: 'node_lost' satisfies EndReason })
              .where(
                inArray(
                  calls.id,
                  lost.map((call) => call.id),
                ),
              );
          return lost;
        });
        all.push(...some);
        ended = some.length;
      }
      await access.asSystem(async (queries) => {
        await queries.delete(nodes).where(lt(nodes.lastSeenAt, before));
        await queries.delete(mediaTokens).where(lt(mediaTokens.expiresAt, now));
      });
      return all;
    },

    async leave(nodeId) {
      await access.asSystem((queries) => queries.delete(nodes).where(eq(nodes.id, nodeId)));
    },
  };
}
