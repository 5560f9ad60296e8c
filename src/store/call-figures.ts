import { and, desc, eq, gte, isNotNull, lt, sql } from 'drizzle-orm';
import type { Column, SQL } from 'drizzle-orm';
import type { Clock } from '#lib/clock.ts';
import type { EndReason } from '#protocol/calls.ts';
import type { CallFigures } from '#protocol/calls-summary.ts';
import { isUuid } from './access.ts';
import type { Access, Queries } from './access.ts';
import type { CallFiguresStore, CallTimes } from './call-figures-store.ts';
import { calls, turns, vendorFailures } from './schema.ts';

/**
 * The figures of many calls, reckoned by the database: no record leaves it. 100,000 calls with 500,000
 * answers take about a second and a half in PGlite, a day of them a twentieth of it.
 */
export function callFigures(access: Access, clock: Clock): CallFiguresStore {
  return {
    async figures(tenantId, instanceId, times) {
      const { from, until, intervalMs } = times;
      const bucketCount = Math.max(1, Math.ceil((until.getTime() - from.getTime()) / intervalMs));
      const total = noFigures();
      const buckets = Array.from({ length: bucketCount }, noFigures);
      if (!isUuid(instanceId)) return { total, buckets };
      const of = { tenantId, instanceId, times };
      await access.asTenant(tenantId, async (queries) => {
        for (const row of await countCalls(queries, of, new Date(clock.now())))
          for (const figures of [total, buckets[row.bucket]]) if (figures) addCalls(figures, row);
        for (const { bucket, answers, percentiles } of await measureAnswers(queries, of)) {
          const figures = bucket === null ? total : buckets[bucket];
          const [p50 = null, p95 = null] = percentiles ?? [];
          if (figures) figures.voice_to_voice_ms = { answers, p50, p95 };
        }
        for (const { bucket, ...counted } of await countFailures(queries, of))
          for (const figures of [total, buckets[bucket]])
            if (figures) addFailures(figures.vendor_failures, counted);
      });
      for (const figures of [total, ...buckets]) finish(figures);
      return { total, buckets };
    },
  };
}

type Asked = {
  readonly tenantId: string;
  readonly instanceId: string;
  readonly times: CallTimes;
};

const noFigures = (): CallFigures => ({
  calls: 0,
  minutes: 0,
  voice_to_voice_ms: { answers: 0, p50: null, p95: null },
  end_reasons: {},
  vendor_failures: [],
});

type Counted = { readonly reason: EndReason | null; readonly count: number; readonly ms: number };

function addCalls(figures: CallFigures, { reason, count, ms }: Counted): void {
  figures.calls += count;
  figures.minutes += ms / 60_000;
  if (reason !== null) figures.end_reasons[reason] = (figures.end_reasons[reason] ?? 0) + count;
}

type Failures = CallFigures['vendor_failures'];

function addFailures(all: Failures, { role, vendor, failures }: Failures[number]): void {
  const same = all.find((one) => one.role === role && one.vendor === vendor);
  if (same) same.failures += failures;
  else all.push({ role, vendor, failures });
}

function finish(figures: CallFigures): void {
  figures.minutes = Math.round(figures.minutes * 100) / 100;
  figures.vendor_failures.sort((left, right) => right.failures - left.failures);
}

const within = ({ tenantId, instanceId, times }: Asked) =>
  and(
    eq(calls.tenantId, tenantId),
    eq(calls.instanceId, instanceId),
    gte(calls.startedAt, times.from),
    lt(calls.startedAt, times.until),
  );

/** Which part of the time a call began in, counted from 0. */
const bucketOf = ({ times: { from, intervalMs } }: Asked): SQL<number> => {
  const sinceMs = sql`${msOf(calls.startedAt)} - ${from.getTime()}::double precision`;
  return sql<number>`floor((${sinceMs}) / ${intervalMs}::double precision)::int`;
};

const msOf = (moment: Column | SQL): SQL =>
  sql`(extract(epoch from ${moment})::double precision * 1000)`;

/** Grouped by place: the same expression with other parameters would be another one to Postgres. */
const BY_BUCKET = sql`1`;

const countCalls = (queries: Queries, of: Asked, now: Date) =>
  queries
    .select({
      bucket: bucketOf(of),
      reason: calls.endReason,
      count: sql<number>`count(*)::int`,
      ms: sql<number>`sum(greatest(0, ${msOf(sql`coalesce(${calls.endedAt}, ${now.toISOString()}::timestamptz)`)} - ${msOf(calls.startedAt)}))`,
    })
    .from(calls)
    .where(within(of))
    .groupBy(BY_BUCKET, calls.endReason);

/** The row without a bucket is that of the whole time. */
const measureAnswers = (queries: Queries, of: Asked) =>
  queries
    .select({
      bucket: sql<number | null>`${bucketOf(of)}`,
      answers: sql<number>`count(*)::int`,
      percentiles: sql<
        readonly number[] | null
      >`to_json(percentile_disc(array[0.5, 0.95]) within group (order by ${turns.playedMs}))`,
    })
    .from(calls)
    .innerJoin(turns, and(eq(turns.tenantId, calls.tenantId), eq(turns.callId, calls.id)))
    .where(and(within(of), isNotNull(turns.playedMs)))
    .groupBy(sql`grouping sets ((${BY_BUCKET}), ())`);

const countFailures = (queries: Queries, of: Asked) =>
  queries
    .select({
      bucket: bucketOf(of),
      role: vendorFailures.role,
      vendor: vendorFailures.vendor,
      failures: sql<number>`count(*)::int`,
    })
    .from(calls)
    .innerJoin(
      vendorFailures,
      and(eq(vendorFailures.tenantId, calls.tenantId), eq(vendorFailures.callId, calls.id)),
    )
    .where(within(of))
    .groupBy(BY_BUCKET, vendorFailures.role, vendorFailures.vendor)
    .orderBy(desc(sql`4`), vendorFailures.role, vendorFailures.vendor);
