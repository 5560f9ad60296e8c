import { VoiceError } from '#lib/errors.ts';
import {
  callsSummaryQuerySchema,
  callsSummarySchema,
  SUMMARY_BUCKETS_MAX,
} from '#protocol/calls-summary.ts';
import type { CallsSummaryQuery } from '#protocol/calls-summary.ts';
import type { CallTimes } from '#store/call-figures-store.ts';
import type { ApiParts } from './parts.ts';
import { requireInstance, security } from './route.ts';
import type { Api } from './route.ts';
import { instanceParams } from './validation.ts';

/** What an agent's calls come to over time. */
export function registerCallsSummary(api: Api, { store, clock }: ApiParts): void {
  api.get(
    '/instances/:instance_id/calls/summary',
    {
      config: { access: { scope: 'instances:read' } },
      schema: {
        tags: ['Calls'],
        security,
        summary: 'Summarise Calls',
        description:
          'How many calls, how long, how soon they were answered, how they ended and which vendors failed: in all, and by parts of the time asked for.',
        params: instanceParams,
        querystring: callsSummaryQuerySchema,
        response: { 200: callsSummarySchema },
      },
    },
    async ({ principal, params, query }) => {
      const { tenantId } = principal;
      const times = timesOf(query, clock.now());
      const { id } = await requireInstance(store, tenantId, params.instance_id);
      const { total, buckets } = await store.calls.figures(tenantId, id, times);
      const startOf = (bucket: number): string =>
        new Date(times.from.getTime() + bucket * times.intervalMs).toISOString();
      return {
        started_after: startOf(0),
        started_before: times.until.toISOString(),
        interval_seconds: query.interval_seconds,
        total,
        buckets: buckets.map((figures, bucket) => ({ started_after: startOf(bucket), ...figures })),
      };
    },
  );
}

const DAY_MS = 86_400_000;

/** Throws `invalid` where the time is none, or would have more parts than there may be. */
function timesOf(query: CallsSummaryQuery, nowMs: number): CallTimes {
  const untilMs = query.started_before === undefined ? nowMs : Date.parse(query.started_before);
  const fromMs =
    query.started_after === undefined ? untilMs - DAY_MS : Date.parse(query.started_after);
  const intervalMs = query.interval_seconds * 1_000;
  if (fromMs >= untilMs)
    throw invalidQuery(
      'started_after',
      'The time begins after it ends: started_before is earlier.',
    );
  const leastMs = (untilMs - fromMs) / SUMMARY_BUCKETS_MAX;
  if (intervalMs < leastMs)
    throw invalidQuery(
      'interval_seconds',
      `There may be ${SUMMARY_BUCKETS_MAX} parts: for this time they must be at least ${Math.ceil(leastMs / 1_000)} seconds long.`,
    );
  return { from: new Date(fromMs), until: new Date(untilMs), intervalMs };
}

const invalidQuery = (field: string, why: string): VoiceError =>
  new VoiceError('invalid', 'The request is not valid.', {
    faults: [{ loc: ['query', field], msg: `Value error, ${why}`, type: 'value_error' }],
  });
