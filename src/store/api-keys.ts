import { and, asc, eq, gt, isNull, or } from 'drizzle-orm';
import type { Clock } from '#lib/clock.ts';
import { sha256 } from '#lib/crypto.ts';
import { newToken, newUuid } from '#lib/ids.ts';
import { isUuid } from './access.ts';
import type { Access } from './access.ts';
import { noTenant, required } from './instances.ts';
import { apiKeys } from './schema.ts';
import { storableText } from './storable.ts';
import type { ApiKey, Store } from './store.ts';

/** 256 bits: 43 characters. */
const SECRET_BYTES = 32;
/** `hc_live_` and four more: 24 of 256 bits are given away. */
const PREFIX_CHARACTERS = 12;
const SHAPE = /^hc_(live|test)_[A-Za-z0-9_-]{43}$/;
const USE_NOTED_EVERY_MS = 60_000;

export function apiKeyQueries(access: Access, clock: Clock): Store['apiKeys'] {
  return {
    async create(tenantId, { name, keyType, scopes, expiresAt }) {
      const plaintextKey = `hc_${keyType}_${newToken(SECRET_BYTES)}`;
      const [row] = await access
        .asTenant(tenantId, (queries) =>
          queries
            .insert(apiKeys)
            .values({
              id: newUuid(),
              tenantId,
              name: storableText(name),
              keyType,
              keyPrefix: plaintextKey.slice(0, PREFIX_CHARACTERS),
              keyHash: hashOf(plaintextKey),
              scopes: scopes.map(storableText),
              expiresAt,
              createdAt: new Date(clock.now()),
            })
            .returning(),
        )
        .catch(noTenant);
      return { apiKey: apiKeyOf(required(row)), plaintextKey };
    },

    list: (tenantId) =>
      access.asTenant(tenantId, async (queries) => {
        const rows = await queries
          .select()
          .from(apiKeys)
          .where(eq(apiKeys.tenantId, tenantId))
          .orderBy(asc(apiKeys.createdAt), asc(apiKeys.id));
        return rows.map(apiKeyOf);
      }),

    async revoke(tenantId, keyId) {
      if (!isUuid(keyId)) return false;
      const revoked = await access.asTenant(tenantId, (queries) =>
        queries
          .update(apiKeys)
          .set({ revokedAt: new Date(clock.now()) })
          .where(
            and(eq(apiKeys.tenantId, tenantId), eq(apiKeys.id, keyId), isNull(apiKeys.revokedAt)),
          )
          .returning({ id: apiKeys.id }),
      );
      return revoked.length > 0;
    },

    async authenticate(plaintextKey) {
      // What cannot be a key of ours costs the database nothing.
      if (!SHAPE.test(plaintextKey)) return undefined;
      const now = new Date(clock.now());
      return access.asSystem(async (queries) => {
        const [row] = await queries
          .select()
          .from(apiKeys)
          .where(
            and(
              eq(apiKeys.keyHash, hashOf(plaintextKey)),
              isNull(apiKeys.revokedAt),
              or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, now)),
            ),
          );
        if (!row) return undefined;
        const sinceNotedMs = now.getTime() - (row.lastUsedAt?.getTime() ?? -Infinity);
        if (sinceNotedMs < USE_NOTED_EVERY_MS) return apiKeyOf(row);
        await queries.update(apiKeys).set({ lastUsedAt: now }).where(eq(apiKeys.id, row.id));
        return apiKeyOf({ ...row, lastUsedAt: now });
      });
    },
  };
}

/**
 * A plain SHA-256, neither salted nor slow: the key is 256 random bits, so there is no dictionary
 * to try and no table to prepare. Looking up by the hash also leaves no time to measure.
 */
const hashOf = (plaintextKey: string): Uint8Array => sha256(plaintextKey);

const apiKeyOf = (row: Omit<typeof apiKeys.$inferSelect, 'keyHash'>): ApiKey => ({
  id: row.id,
  tenantId: row.tenantId,
  name: row.name,
  keyType: row.keyType,
  keyPrefix: row.keyPrefix,
  scopes: row.scopes,
  expiresAt: row.expiresAt,
  createdAt: row.createdAt,
  lastUsedAt: row.lastUsedAt,
  revokedAt: row.revokedAt,
});
