import { and, asc, eq } from 'drizzle-orm';
import type { Clock } from '#lib/clock.ts';
import { VoiceError } from '#lib/errors.ts';
import { newUuid } from '#lib/ids.ts';
import { isUuid } from './access.ts';
import type { Access } from './access.ts';
import { readAgentConfig } from './agent-config.ts';
import { changeAgentSecrets, readAgentSecrets } from './agent-secrets.ts';
import { DatabaseError, FOREIGN_KEY_VIOLATION } from './database.ts';
import { instances, wiringJobs } from './schema.ts';
import { storable, storableText } from './storable.ts';
import type { Instance, Store } from './store.ts';
import type { TenantQueries } from './tenants.ts';

export function instanceQueries(
  access: Access,
  tenants: Pick<TenantQueries, 'dataKey'>,
  clock: Clock,
): Store['instances'] {
  const now = (): Date => new Date(clock.now());
  const own = (tenantId: string, instanceId: string) =>
    and(eq(instances.tenantId, tenantId), eq(instances.id, instanceId));

  return {
    create: (tenantId, { name, agentConfig, agentSecrets = {} }) =>
      access
        .asTenant(tenantId, async (queries) => {
          const at = now();
          const [row] = await queries
            .insert(instances)
            .values({
              id: newUuid(),
              tenantId,
              name: storableText(name),
              agentConfig: storable(agentConfig),
              createdAt: at,
              updatedAt: at,
            })
            .returning();
          const instance = instanceOf(required(row));
          const of = { queries, tenants, tenantId, instanceId: instance.id };
          await changeAgentSecrets(of, instance.agentConfig, agentSecrets);
          return instance;
        })
        .catch(noTenant),

    list: (tenantId) =>
      access.asTenant(tenantId, async (queries) => {
        const rows = await queries
          .select()
          .from(instances)
          .where(eq(instances.tenantId, tenantId))
          .orderBy(asc(instances.createdAt), asc(instances.id));
        return rows.map(instanceOf);
      }),

    async get(tenantId, instanceId) {
      if (!isUuid(instanceId)) return undefined;
      const [row] = await access.asTenant(tenantId, (queries) =>
        queries.select().from(instances).where(own(tenantId, instanceId)),
      );
      return row && instanceOf(row);
    },

    async update(tenantId, instanceId, { name, agentConfig, agentSecrets = {} }) {
      if (!isUuid(instanceId)) return undefined;
      return access.asTenant(tenantId, async (queries) => {
        const [row] = await queries
          .update(instances)
          .set({
            ...(name !== undefined && { name: storableText(name) }),
            ...(agentConfig !== undefined && { agentConfig: storable(agentConfig) }),
            updatedAt: now(),
          })
          .where(own(tenantId, instanceId))
          .returning();
        if (!row) return undefined;
        const instance = instanceOf(row);
        const of = { queries, tenants, tenantId, instanceId };
        if (agentConfig) await changeAgentSecrets(of, instance.agentConfig, agentSecrets);
        return instance;
      });
    },

    async agentSecrets(tenantId, instanceId) {
      if (!isUuid(instanceId)) return {};
      return access.asTenant(tenantId, (queries) =>
        readAgentSecrets({ queries, tenants, tenantId, instanceId }),
      );
    },

    async delete(tenantId, instanceId) {
      if (!isUuid(instanceId)) return false;
      return access.asTenant(tenantId, async (queries) => {
        const gone = await queries
          .delete(instances)
          .where(own(tenantId, instanceId))
          .returning({ id: instances.id });
        // Undo jobs stay: what they put right is outside this database.
        await queries
          .delete(wiringJobs)
          .where(
            and(
              eq(wiringJobs.tenantId, tenantId),
              eq(wiringJobs.instanceId, instanceId),
              eq(wiringJobs.kind, 'apply'),
            ),
          );
        return gone.length > 0;
      });
    },

    async tenantOf(instanceId) {
      if (!isUuid(instanceId)) return undefined;
      const [row] = await access.asSystem((queries) =>
        queries
          .select({ tenantId: instances.tenantId })
          .from(instances)
          .where(eq(instances.id, instanceId)),
      );
      return row?.tenantId;
    },

    async setInternalKeyHash(tenantId, instanceId, hash) {
      if (!isUuid(instanceId)) return;
      await access.asTenant(tenantId, (queries) =>
        queries
          .update(instances)
          .set({ internalKeyHash: hash, updatedAt: now() })
          .where(own(tenantId, instanceId)),
      );
    },

    async internalKeyHash(instanceId) {
      if (!isUuid(instanceId)) return undefined;
      const [row] = await access.asSystem((queries) =>
        queries
          .select({ hash: instances.internalKeyHash })
          .from(instances)
          .where(eq(instances.id, instanceId)),
      );
      return row?.hash ?? undefined;
    },
  };
}

const instanceOf = (row: typeof instances.$inferSelect): Instance => ({
  id: row.id,
  tenantId: row.tenantId,
  name: row.name,
  agentConfig: readAgentConfig(row.agentConfig, row.id),
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
});

/** The row that an `insert … returning` always gives. */
export function required<T>(row: T | undefined): T {
  if (row === undefined) throw new Error('the database gave back no row');
  return row;
}

/** A row for a tenant that nobody has ensured. */
export function noTenant(error: unknown): never {
  if (error instanceof DatabaseError && error.code === FOREIGN_KEY_VIOLATION)
    throw new VoiceError('not_found', 'There is no such tenant.', { cause: error });
  throw error;
}
