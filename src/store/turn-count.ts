import { sql } from 'drizzle-orm';

/**
 * How many turns a call has: those that a session of ours wrote, or else those its provider told of.
 * For queries over `calls`; spelled out, because Drizzle leaves the table's name away where a query
 * has but one table.
 */
export const TURN_COUNT = sql<number>`coalesce(
  nullif((select count(*)::int from hydracore.turns
           where turns.tenant_id = calls.tenant_id and turns.call_id = calls.id), 0),
  (select jsonb_array_length(provider_calls.turns) from hydracore.provider_calls
    where provider_calls.tenant_id = calls.tenant_id
      and provider_calls.call_id = calls.id and not provider_calls.is_led), 0)`;
