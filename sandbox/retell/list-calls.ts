import { z } from 'zod';
import { isRecord } from '#lib/record.ts';
import { renderCall } from './retell-call.ts';
import type { RetellCall } from './account.ts';
import { pageOf, parsed } from './route.ts';

/**
 * `POST /v3/list-calls`: newest first unless asked otherwise, without transcripts.
 *
 * @throws Refusal 400 for a filter that the API does not know; of those it does, the ones that look into
 *   maps (metadata, dynamic variables, custom data), tags, batches and tools are not played here
 */
export function listCalls(calls: Iterable<RetellCall>, body: unknown): object {
  const asked = parsed(listSchema, body ?? {});
  const { agent, ...others } = asked.filter_criteria ?? {};
  const ordered = [...calls].toSorted((left, right) => startOf(left) - startOf(right));
  if (asked.sort_order !== 'ascending') ordered.reverse();
  const found = ordered.flatMap((call) => {
    const rendered = renderCall(call, 'list');
    const isOfAgent =
      agent === undefined ||
      agent.some(
        ({ agent_id, version }) =>
          agent_id === call.agentId && (version?.includes(call.agentVersion) ?? true),
      );
    const holds = Object.entries(others).every(
      ([name, filter]) => filter === undefined || matches(valueOf(rendered, name), filter),
    );
    return isOfAgent && holds ? [rendered] : [];
  });
  const page = pageOf(found, {
    limit: asked.limit ?? 50,
    key: asked.pagination_key,
    skip: asked.skip ?? 0,
  });
  return { ...page, ...(asked.include_total && { total: found.length }) };
}

type Filter = z.infer<typeof filterSchema>;

function matches(value: unknown, filter: Filter): boolean {
  switch (filter.type) {
    case 'string': {
      const text = typeof value === 'string' ? value : '';
      const { op, value: wanted } = filter;
      if (op === 'eq') return text === wanted;
      if (op === 'ne') return text !== wanted;
      if (op === 'sw') return text.startsWith(wanted);
      if (op === 'ew') return text.endsWith(wanted);
      return text.includes(wanted);
    }
    case 'enum':
      return filter.value.some((wanted) => wanted === value);
    case 'boolean':
      return value === filter.value;
    case 'number': {
      if (typeof value !== 'number') return false;
      const { op, value: limit } = filter;
      return {
        eq: value === limit,
        ne: value !== limit,
        gt: value > limit,
        ge: value >= limit,
        lt: value < limit,
        le: value <= limit,
      }[op];
    }
    case 'range': {
      const [from = 0, to = 0] = filter.value;
      return typeof value === 'number' && value >= from && value <= to;
    }
  }
}

/** Where in the call object a filter looks. */
function valueOf(rendered: object, name: string): unknown {
  const path = PLACES[name] ?? [name];
  return path.reduce<unknown>((at, key) => (isRecord(at) ? at[key] : undefined), rendered);
}

const PLACES: Readonly<Record<string, readonly string[]>> = {
  call_successful: ['call_analysis', 'call_successful'],
  in_voicemail: ['call_analysis', 'in_voicemail'],
  user_sentiment: ['call_analysis', 'user_sentiment'],
  combined_cost: ['call_cost', 'combined_cost'],
  e2e_latency_p50: ['latency', 'e2e', 'p50'],
};

const startOf = (call: RetellCall): number => call.startMs ?? call.createdAtMs;

const text = z.string();
const filterSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('string'),
    op: z.enum(['eq', 'ne', 'sw', 'ew', 'co']),
    value: text,
  }),
  z.strictObject({ type: z.literal('enum'), op: z.literal('in'), value: text.array() }),
  z.strictObject({ type: z.literal('boolean'), op: z.literal('eq'), value: z.boolean() }),
  z.strictObject({
    type: z.literal('number'),
    op: z.enum(['eq', 'ne', 'gt', 'ge', 'lt', 'le']),
    value: z.number(),
  }),
  z.strictObject({
    type: z.literal('range'),
    op: z.literal('bt'),
    value: z.number().array().length(2),
  }),
]);
const filter = filterSchema.optional();
const listSchema = z.strictObject({
  filter_criteria: z
    .strictObject({
      agent: z
        .strictObject({ agent_id: text, version: z.int().array().optional() })
        .array()
        .optional(),
      call_id: filter,
      call_status: filter,
      call_successful: filter,
      call_type: filter,
      combined_cost: filter,
      data_storage_setting: filter,
      direction: filter,
      disconnection_reason: filter,
      duration_ms: filter,
      e2e_latency_p50: filter,
      end_timestamp: filter,
      from_number: filter,
      in_voicemail: filter,
      start_timestamp: filter,
      to_number: filter,
      user_sentiment: filter,
    })
    .partial()
    .optional(),
  include_total: z.boolean().optional(),
  limit: z.int().min(1).max(1_000).optional(),
  pagination_key: text.optional(),
  skip: z.int().min(0).optional(),
  sort_order: z.enum(['ascending', 'descending']).optional(),
});
