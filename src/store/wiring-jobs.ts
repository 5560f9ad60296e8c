import { and, asc, eq, inArray, isNull, lte, or, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Clock } from '#lib/clock.ts';
import { seal, unsealText } from '#lib/crypto.ts';
import { messageOf } from '#lib/errors.ts';
import { newUuid } from '#lib/ids.ts';
import type { Log } from '#lib/log.ts';
import { isUuid } from './access.ts';
import type { Access, Queries } from './access.ts';
import { noTenant } from './instances.ts';
import { wiringJobs } from './schema.ts';
import { storableText } from './storable.ts';
import type { Store, WiringJob } from './store.ts';
import type { TenantQueries } from './tenants.ts';

/** Enough of a vendor's answer to understand it. */
const ERROR_CHARACTERS_MAX = 1_000;

export function wiringJobQueries(
  access: Access,
  tenants: Pick<TenantQueries, 'dataKey'>,
  clock: Clock,
  log: Log,
): Store['wiringJobs'] {
  return {
    async enqueueApply(tenantId, instanceId, dueAt) {
      if (!isUuid(instanceId)) return;
      await access
        .asTenant(tenantId, (queries) =>
          queries
            .insert(wiringJobs)
            .values({
              id: newUuid(),
              tenantId,
              instanceId,
              kind: 'apply',
              dueAt,
              createdAt: new Date(clock.now()),
            })
            .onConflictDoUpdate({
              target: [wiringJobs.tenantId, wiringJobs.instanceId],
              targetWhere: sql`kind = 'apply'`,
              // Whoever holds it now goes on, but cannot finish it: what it read may be old.
              set: {
                dueAt,
                attempts: 0,
                lastError: null,
                revision: sql`${wiringJobs.revision} + 1`,
              },
            }),
        )
        .catch(noTenant);
    },

    async enqueueUndo(tenantId, instanceId, payload, dueAt) {
      if (!isUuid(instanceId)) return;
      await access.asTenant(tenantId, async (queries) => {
        const key = await tenants.dataKey(queries, tenantId);
        await insertUndo(queries, {
          tenantId,
          instanceId,
          key,
          undo: payload,
          dueAt,
          createdAt: new Date(clock.now()),
        });
      });
    },

    async claimDue(now, leaseMs, limit) {
      const rows = await access.asSystem((queries) => claim(queries, now, leaseMs, limit));
      const jobs = await Promise.all(rows.map(open));
      return jobs.filter((job) => job !== undefined);
    },

    async reschedule(job, dueAt, error) {
      await access.asTenant(job.tenantId, (queries) =>
        queries
          .update(wiringJobs)
          .set({
            // Enqueued anew meanwhile: that call's time stands.
            dueAt: sql`case when ${isUnchanged} then ${dueAt.toISOString()}::timestamptz else ${wiringJobs.dueAt} end`,
            attempts: sql`case when ${isUnchanged} then ${wiringJobs.attempts} + 1 else 0 end`,
            lastError: storableText(error).slice(0, ERROR_CHARACTERS_MAX),
            claim: null,
            leasedUntil: null,
          })
          .where(held(job)),
      );
    },

    async finish(job) {
      await access.asTenant(job.tenantId, async (queries) => {
        const gone = await queries
          .delete(wiringJobs)
          .where(and(held(job), isUnchanged))
          .returning({ id: wiringJobs.id });
        if (gone.length > 0) return;
        await queries.update(wiringJobs).set({ claim: null, leasedUntil: null }).where(held(job));
      });
    },
  };

  async function open(row: Claimed): Promise<WiringJob | undefined> {
    const { id, tenantId, instanceId, kind, attempts, claim, sealedPayload } = row;
    const job = { id, tenantId, instanceId, kind, attempts, claim };
    if (!sealedPayload) return { ...job, payload: {} };
    try {
      const key = await access.asTenant(row.tenantId, (queries) =>
        tenants.dataKey(queries, row.tenantId),
      );
      const text = unsealText(key, sealedPayload, payloadContext(row));
      return { ...job, payload: payloadSchema.parse(JSON.parse(text)) };
    } catch (error) {
      // One job that does not open must not keep the others from being done.
      log.error({ jobId: row.id, reason: messageOf(error) }, 'a wiring job cannot be opened');
      return undefined;
    }
  }
}

export type Undo = {
  readonly tenantId: string;
  readonly instanceId: string;
  readonly key: Uint8Array;
  readonly undo: Readonly<Record<string, unknown>>;
  readonly dueAt: Date;
  readonly createdAt: Date;
};

/** The job that undoes a channel's wiring, with all it needs sealed inside. */
export async function insertUndo(queries: Queries, { key, undo, ...of }: Undo): Promise<void> {
  const id = newUuid();
  await queries.insert(wiringJobs).values({
    ...of,
    id,
    kind: 'undo',
    sealedPayload: seal(key, JSON.stringify(undo), payloadContext({ ...of, id })),
  });
}

const payloadSchema = z.record(z.string(), z.unknown());

type Claimed = Omit<WiringJob, 'payload'> & {
  readonly sealedPayload: Uint8Array | null;
  readonly dueAt: Date;
};

/** `skip locked`: nodes that look at once share the jobs out instead of waiting for each other. */
async function claim(
  queries: Queries,
  now: Date,
  leaseMs: number,
  limit: number,
): Promise<readonly Claimed[]> {
  const due = await queries
    .select({ id: wiringJobs.id })
    .from(wiringJobs)
    .where(
      and(
        lte(wiringJobs.dueAt, now),
        or(isNull(wiringJobs.leasedUntil), lte(wiringJobs.leasedUntil, now)),
      ),
    )
    .orderBy(asc(wiringJobs.dueAt))
    .limit(limit)
    .for('update', { skipLocked: true });
  if (due.length === 0) return [];
  const claimId = newUuid();
  const rows = await queries
    .update(wiringJobs)
    .set({
      claim: claimId,
      claimedRevision: sql`${wiringJobs.revision}`,
      leasedUntil: new Date(now.getTime() + leaseMs),
    })
    .where(
      inArray(
        wiringJobs.id,
        due.map((job) => job.id),
      ),
    )
    .returning({
      id: wiringJobs.id,
      tenantId: wiringJobs.tenantId,
      instanceId: wiringJobs.instanceId,
      kind: wiringJobs.kind,
      attempts: wiringJobs.attempts,
      sealedPayload: wiringJobs.sealedPayload,
      dueAt: wiringJobs.dueAt,
    });
  return rows
    .toSorted((a, b) => a.dueAt.getTime() - b.dueAt.getTime())
    .map((row) => ({ ...row, claim: claimId }));
}

const held = (job: WiringJob) =>
  and(
    eq(wiringJobs.tenantId, job.tenantId),
    eq(wiringJobs.id, job.id),
    eq(wiringJobs.claim, job.claim),
  );

/** Not enqueued anew since it was claimed. */
const isUnchanged = sql`${wiringJobs.claimedRevision} = ${wiringJobs.revision}`;

const payloadContext = (
  job: Pick<WiringJob, 'id' | 'tenantId' | 'instanceId'>,
): readonly string[] => ['wiring job', job.tenantId, job.instanceId, job.id];
