import { and, eq, inArray, notInArray, sql } from 'drizzle-orm';
import { seal, unsealText } from '#lib/crypto.ts';
import { VoiceError } from '#lib/errors.ts';
import type { AgentConfig } from '#protocol/agent-config.ts';
import { secretPlaces } from '#protocol/agent-secrets.ts';
import type { AgentSecrets } from '#protocol/agent-secrets.ts';
import type { Queries } from './access.ts';
import { agentSecrets } from './schema.ts';
import type { TenantQueries } from './tenants.ts';

type Of = {
  readonly queries: Queries;
  readonly tenants: Pick<TenantQueries, 'dataKey'>;
  readonly tenantId: string;
  readonly instanceId: string;
};

/**
 * Brings the secrets of an instance in line with its agent_config: new ones are set, those it does not
 * speak of any more are erased. Throws `invalid`, on the field, for one that is neither given nor
 * stored: it was never set, or set for another URL.
 */
export async function changeAgentSecrets(
  of: Of,
  config: AgentConfig,
  given: AgentSecrets,
): Promise<void> {
  const { queries, tenants, tenantId, instanceId } = of;
  const places = secretPlaces(config);
  const fields = places.map(({ field }) => field);
  await queries
    .delete(agentSecrets)
    .where(
      fields.length === 0 ? own(of) : and(own(of), notInArray(agentSecrets.field, [...fields])),
    );
  if (places.length === 0) return;
  const set = fields.filter((field) => given[field] !== undefined);
  if (set.length > 0) {
    const key = await tenants.dataKey(queries, tenantId);
    await queries
      .insert(agentSecrets)
      .values(
        set.map((field) => ({
          tenantId,
          instanceId,
          field,
          sealed: seal(key, given[field] ?? '', context(of, field)),
        })),
      )
      .onConflictDoUpdate({
        target: [agentSecrets.tenantId, agentSecrets.instanceId, agentSecrets.field],
        set: { sealed: sql`excluded.sealed` },
      });
  }
  const stored = await queries
    .select({ field: agentSecrets.field })
    .from(agentSecrets)
    .where(and(own(of), inArray(agentSecrets.field, [...fields])));
  const known = new Set(stored.map(({ field }) => field));
  const missing = places.filter(({ field }) => !known.has(field));
  if (missing.length === 0) return;
  throw new VoiceError('invalid', 'A secret of the agent_config is not stored.', {
    faults: missing.map(({ path }) => ({
      loc: ['body', 'agent_config', ...path],
      msg: 'Value error, no secret is stored here for this URL: give its text',
      type: 'value_error',
    })),
  });
}

/** Decrypted, for the moment of use. */
export async function readAgentSecrets(of: Of): Promise<AgentSecrets> {
  const { queries, tenants, tenantId } = of;
  const rows = await queries
    .select({ field: agentSecrets.field, sealed: agentSecrets.sealed })
    .from(agentSecrets)
    .where(own(of));
  if (rows.length === 0) return {};
  const key = await tenants.dataKey(queries, tenantId);
  return Object.fromEntries(
    rows.map(({ field, sealed }) => [field, unsealText(key, sealed, context(of, field))]),
  );
}

const own = ({ tenantId, instanceId }: Of) =>
  and(eq(agentSecrets.tenantId, tenantId), eq(agentSecrets.instanceId, instanceId));

/** Binds a secret to its place: moved to another row, it does not open. */
const context = ({ tenantId, instanceId }: Of, field: string): readonly string[] => [
  'agent secret',
  tenantId,
  instanceId,
  field,
];
