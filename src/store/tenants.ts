import { eq, sql } from 'drizzle-orm';
import type { Clock } from '#lib/clock.ts';
import { newKey, seal, unseal } from '#lib/crypto.ts';
import { VoiceError } from '#lib/errors.ts';
import type { MasterKey } from '#lib/master-key.ts';
import type { Access, Queries } from './access.ts';
import type { Keyring } from './keyring.ts';
import { masterKey, tenants } from './schema.ts';

export type TenantQueries = {
  ensure(tenantId: string): Promise<void>;
  rotate(next: MasterKey): Promise<number>;
  /** The key that the tenant's secrets are sealed with. To be forgotten after use. */
  dataKey(queries: Queries, tenantId: string): Promise<Uint8Array>;
};

export function tenantQueries(access: Access, keyring: Keyring, clock: Clock): TenantQueries {
  /** Tenants are never removed, so those seen once need no second look. */
  const seen = new Set<string>();

  return {
    async ensure(tenantId) {
      if (seen.has(tenantId)) return;
      // Under the tenant's own role first: it refuses an id that cannot be one.
      const exists = await access.asTenant(tenantId, async (queries) => {
        const rows = await queries.select({ id: tenants.id }).from(tenants);
        return rows.length > 0;
      });
      if (!exists) await access.asSystem((queries) => insertTenant(queries, tenantId));
      seen.add(tenantId);
    },

    rotate: (next) => access.asSystem((queries) => rewrapAll(queries, next)),

    async dataKey(queries, tenantId) {
      const [row] = await queries
        .select({ wrapped: tenants.wrappedDataKey, masterKeyId: tenants.masterKeyId })
        .from(tenants)
        .where(eq(tenants.id, tenantId));
      if (!row) throw new VoiceError('not_found', 'There is no such tenant.');
      const found = await keyring.find(row.masterKeyId);
      if (found) return unseal(found.bytes, row.wrapped, wrapContext(tenantId, found.id));
      // A rotation may have come between reading the row and reading the keys: then the row, read
      // again, names a key that is known.
      const [again] = await queries
        .select({ wrapped: tenants.wrappedDataKey, masterKeyId: tenants.masterKeyId })
        .from(tenants)
        .where(eq(tenants.id, tenantId));
      const key = await keyring.require(again?.masterKeyId ?? row.masterKeyId);
      return unseal(key.bytes, (again ?? row).wrapped, wrapContext(tenantId, key.id));
    },
  };

  async function insertTenant(queries: Queries, tenantId: string): Promise<void> {
    // Held until the insert is committed, so that a rotation cannot pass over this tenant.
    const [current] = await queries.select({ id: masterKey.id }).from(masterKey).for('share');
    if (!current) throw new Error('the database names no master key');
    const key = await keyring.require(current.id);
    await queries
      .insert(tenants)
      .values({
        id: tenantId,
        wrappedDataKey: seal(key.bytes, newKey(), wrapContext(tenantId, key.id)),
        masterKeyId: key.id,
        createdAt: new Date(clock.now()),
      })
      .onConflictDoNothing({ target: tenants.id });
  }

  /** One transaction: a crash leaves every tenant under the old key, or every one under the new. */
  async function rewrapAll(queries: Queries, next: MasterKey): Promise<number> {
    await queries.select({ id: masterKey.id }).from(masterKey).for('update');
    const rows = await queries.select().from(tenants).orderBy(tenants.id);
    for (const row of rows) {
      const old = await keyring.require(row.masterKeyId);
      const dataKey = unseal(old.bytes, row.wrappedDataKey, wrapContext(row.id, old.id));
      const wrapped = seal(next.bytes, dataKey, wrapContext(row.id, next.id));
      await queries
        .update(tenants)
        .set({ wrappedDataKey: wrapped, masterKeyId: next.id })
        .where(eq(tenants.id, row.id));
    }
    await queries.update(masterKey).set({ id: next.id });
    return rows.length;
  }
}

/**
 * A new database takes the keyring's first key; one that has a key already is refused without it,
 * before anything is written under another one.
 */
export async function agreeOnMasterKey(access: Access, keyring: Keyring): Promise<void> {
  const current = await access.asSystem(async (queries) => {
    await queries.insert(masterKey).values({ id: keyring.first().id }).onConflictDoNothing();
    const [row] = await queries.select({ id: masterKey.id }).from(masterKey);
    return row?.id;
  });
  if (current === undefined) throw new Error('the database names no master key');
  await keyring.require(current);
}

/** Also finds out whether the database answers at all. */
export const ping = (access: Access): Promise<void> =>
  access.asSystem(async (queries) => {
    await queries.execute(sql`select 1`);
  });

const wrapContext = (tenantId: string, masterKeyId: string): readonly string[] => [
  'data key',
  tenantId,
  masterKeyId,
];
