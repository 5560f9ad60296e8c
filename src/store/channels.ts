import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Clock } from '#lib/clock.ts';
import { seal, unsealText } from '#lib/crypto.ts';
import { VoiceError } from '#lib/errors.ts';
import { newUuid } from '#lib/ids.ts';
import { secretFields } from '#protocol/voice-channel.ts';
import type { ChannelStatus, ProviderName, SecretField } from '#protocol/voice-channel.ts';
import { isUuid } from './access.ts';
import type { Access, Queries } from './access.ts';
import { DatabaseError, FOREIGN_KEY_VIOLATION } from './database.ts';
import { required } from './instances.ts';
import { channelSecrets, channels, wiringJobs } from './schema.ts';
import { storable, storableText } from './storable.ts';
import type { Channel, ChannelChange, Secrets, Store } from './store.ts';
import type { TenantQueries } from './tenants.ts';
import { insertUndo } from './wiring-jobs.ts';

export function channelQueries(
  access: Access,
  tenants: Pick<TenantQueries, 'dataKey'>,
  clock: Clock,
): Store['channels'] {
  return {
    async get(tenantId, instanceId) {
      if (!isUuid(instanceId)) return undefined;
      return access.asTenant(tenantId, async (queries) => {
        const [row] = await queries.select().from(channels).where(own(tenantId, instanceId));
        return row && channelOf(row, await fieldsSet(queries, tenantId, instanceId));
      });
    },

    async upsert(tenantId, instanceId, change) {
      if (!isUuid(instanceId)) throw noInstance();
      return access.asTenant(tenantId, async (queries) => {
        const now = new Date(clock.now());
        const changed = { ...columnsOf(change), updatedAt: now };
        const [row] = await queries
          .insert(channels)
          .values({
            ...NEW_CHANNEL,
            ...changed,
            id: newUuid(),
            tenantId,
            instanceId,
            createdAt: now,
          })
          .onConflictDoUpdate({ target: [channels.tenantId, channels.instanceId], set: changed })
          .returning()
          .catch(unknownInstance);
        await changeSecrets(queries, tenantId, instanceId, change.secrets ?? {});
        return channelOf(required(row), await fieldsSet(queries, tenantId, instanceId));
      });
    },

    async secrets(tenantId, instanceId) {
      if (!isUuid(instanceId)) return {};
      return access.asTenant(tenantId, async (queries) => {
        const rows = await queries
          .select({ field: channelSecrets.field, sealed: channelSecrets.sealed })
          .from(channelSecrets)
          .where(ownSecrets(tenantId, instanceId));
        if (rows.length === 0) return {};
        const key = await tenants.dataKey(queries, tenantId);
        const secrets: Partial<Record<SecretField, string>> = {};
        for (const { field, sealed } of rows)
          if (isSecretField(field))
            secrets[field] = unsealText(key, sealed, secretContext(tenantId, instanceId, field));
        return secrets satisfies Secrets;
      });
    },

    async delete(tenantId, instanceId, undo) {
      if (!isUuid(instanceId)) return false;
      return access.asTenant(tenantId, async (queries) => {
        const gone = await queries
          .delete(channels)
          .where(own(tenantId, instanceId))
          .returning({ id: channels.id });
        if (gone.length === 0) return false;
        await queries
          .delete(wiringJobs)
          .where(
            and(
              eq(wiringJobs.tenantId, tenantId),
              eq(wiringJobs.instanceId, instanceId),
              eq(wiringJobs.kind, 'apply'),
            ),
          );
        if (undo) {
          const key = await tenants.dataKey(queries, tenantId);
          const now = new Date(clock.now());
          await insertUndo(queries, {
            tenantId,
            instanceId,
            key,
            undo,
            dueAt: now,
            createdAt: now,
          });
        }
        return true;
      });
    },

    async noteEvent(tenantId, instanceId, at) {
      if (!isUuid(instanceId)) return;
      await access.asTenant(tenantId, (queries) =>
        queries
          .update(channels)
          // Events may arrive out of order; `greatest` passes over a null.
          .set({
            lastEventAt: sql`greatest(${channels.lastEventAt}, ${at.toISOString()}::timestamptz)`,
          })
          .where(own(tenantId, instanceId)),
      );
    },
  };

  async function changeSecrets(
    queries: Queries,
    tenantId: string,
    instanceId: string,
    change: NonNullable<ChannelChange['secrets']>,
  ): Promise<void> {
    const fields = secretFields.filter((field) => change[field] !== undefined);
    const cleared = fields.filter((field) => !change[field]);
    if (cleared.length > 0)
      await queries
        .delete(channelSecrets)
        .where(and(ownSecrets(tenantId, instanceId), inArray(channelSecrets.field, cleared)));
    const set = fields.filter((field) => change[field]);
    if (set.length === 0) return;
    const key = await tenants.dataKey(queries, tenantId);
    const rows = set.map((field) => ({
      tenantId,
      instanceId,
      field,
      sealed: seal(key, change[field] ?? '', secretContext(tenantId, instanceId, field)),
    }));
    await queries
      .insert(channelSecrets)
      .values(rows)
      .onConflictDoUpdate({
        target: [channelSecrets.tenantId, channelSecrets.instanceId, channelSecrets.field],
        set: { sealed: sql`excluded.sealed` },
      });
  }
}

const NEW_CHANNEL: { provider: ProviderName; enabled: false; status: ChannelStatus; wiring: {} } = {
  provider: 'retell',
  enabled: false,
  status: 'incomplete',
  wiring: {},
};

const own = (tenantId: string, instanceId: string) =>
  and(eq(channels.tenantId, tenantId), eq(channels.instanceId, instanceId));

const ownSecrets = (tenantId: string, instanceId: string) =>
  and(eq(channelSecrets.tenantId, tenantId), eq(channelSecrets.instanceId, instanceId));

/** Binds a secret to its place: moved to another row, it does not open. */
const secretContext = (tenantId: string, instanceId: string, field: string): readonly string[] => [
  'channel secret',
  tenantId,
  instanceId,
  field,
];

function columnsOf(change: ChannelChange): Partial<typeof channels.$inferInsert> {
  const text = (value: string | null): string | null =>
    value === null ? null : storableText(value);
  const { provider, agentId, phoneNumber, twilioAccountSid, twilioPhoneNumber } = change;
  const { enabled, status, errorMessage, wiring } = change;
  return {
    ...(provider !== undefined && { provider }),
    ...(agentId !== undefined && { agentId: text(agentId) }),
    ...(phoneNumber !== undefined && { phoneNumber: text(phoneNumber) }),
    ...(twilioAccountSid !== undefined && { twilioAccountSid: text(twilioAccountSid) }),
    ...(twilioPhoneNumber !== undefined && { twilioPhoneNumber: text(twilioPhoneNumber) }),
    ...(enabled !== undefined && { enabled }),
    ...(status !== undefined && { status }),
    ...(errorMessage !== undefined && { errorMessage: text(errorMessage) }),
    ...(wiring !== undefined && { wiring: storable(wiring) }),
  };
}

async function fieldsSet(
  queries: Queries,
  tenantId: string,
  instanceId: string,
): Promise<readonly SecretField[]> {
  const rows = await queries
    .select({ field: channelSecrets.field })
    .from(channelSecrets)
    .where(ownSecrets(tenantId, instanceId));
  const stored = new Set(rows.map((row) => row.field));
  return secretFields.filter((field) => stored.has(field));
}

const channelOf = (
  row: typeof channels.$inferSelect,
  secretsSet: readonly SecretField[],
): Channel => ({
  ...row,
  secretsSet,
});

const isSecretField = (field: string): field is SecretField =>
  (secretFields as readonly string[]).includes(field);

const noInstance = (): VoiceError => new VoiceError('not_found', 'Instance not found');

function unknownInstance(error: unknown): never {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  if (cause instanceof DatabaseError && cause.code === FOREIGN_KEY_VIOLATION) throw noInstance();
  throw error;
}
