import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { ReactNode } from 'react';
import type { CallFigures, CallsSummary } from '#protocol/calls-summary.ts';
import { endReasonsOf, failureSeries } from '../lib/figures.ts';
import { endReasonNames, faultyEnds, wholeMs } from '../lib/format.ts';
import { callsSummaryQuery } from '../lib/queries.ts';
import { Link } from '../lib/router.tsx';
import { useApi } from '../lib/session.tsx';
import { useNow } from '../lib/use-now.ts';
import { Card, Empty, Failure, Loading } from '../parts/basics.tsx';
import { RowChart } from '../parts/row-chart.tsx';
import { CallsChart, FailuresChart, LatencyChart } from '../parts/time-charts.tsx';
import type { TimeAxis } from '../parts/time-charts.tsx';

const HOUR_MS = 3_600_000;
const RANGES = {
  hour: { label: 'Last hour', ms: HOUR_MS, buckets: 30 },
  day: { label: '24 hours', ms: 24 * HOUR_MS, buckets: 24 },
  week: { label: '7 days', ms: 7 * 24 * HOUR_MS, buckets: 28 },
  month: { label: '30 days', ms: 30 * 24 * HOUR_MS, buckets: 30 },
} as const;
const RANGE_NAMES = [
  'hour',
  'day',
  'week',
  'month',
] as const satisfies readonly (keyof typeof RANGES)[];
type RangeName = (typeof RANGE_NAMES)[number];

/** What an instance's line did over time. */
export function OverviewPage({ instanceId }: { readonly instanceId: string }): ReactNode {
  const [name, setName] = useState<RangeName>('day');
  const { ms, buckets } = RANGES[name];
  // The range moves by whole bars: they do not crawl, and what is counted in one stays in it.
  const barMs = ms / buckets;
  const toMs = (Math.floor(useNow(true, 10_000) / barMs) + 1) * barMs;
  const api = useApi();
  const times = { fromMs: toMs - ms, toMs, barMs };
  const summary = useQuery(callsSummaryQuery(api, instanceId, times));
  return (
    <>
      <fieldset className="segments">
        <legend className="visually-hidden">Time range</legend>
        {RANGE_NAMES.map((one) => (
          <label key={one}>
            <input type="radio" name="range" checked={one === name} onChange={() => setName(one)} />
            <span>{RANGES[one].label}</span>
          </label>
        ))}
      </fieldset>
      {summary.isPending && <Loading lines={8} />}
      {summary.error && <Failure error={summary.error} onRetry={() => void summary.refetch()} />}
      {summary.data?.total.calls === 0 && (
        <Empty title="No calls in this time">
          <p>
            When somebody calls, this page shows how many, how long, and how soon they were
            answered.
          </p>
          <Link to={`/instances/${instanceId}/voice`}>Look at the phone line</Link>
        </Empty>
      )}
      {summary.data && summary.data.total.calls > 0 && (
        <div aria-busy={summary.isPlaceholderData}>
          <Figures summary={summary.data} />
        </div>
      )}
    </>
  );
}

function Figures({ summary }: { readonly summary: CallsSummary }): ReactNode {
  const { total, buckets } = summary;
  const { answers, p50, p95 } = total.voice_to_voice_ms;
  const axis = axisOf(summary);
  return (
    <>
      <dl className="tiles">
        <Tile name="Calls" value={total.calls.toLocaleString('en')} />
        <Tile name="Minutes" value={minutesOf(total)} />
        <Tile name="Voice to voice, median" value={msOrNone(p50)} />
        <Tile name="Voice to voice, 95 %" value={msOrNone(p95)} />
      </dl>
      <div className="columns">
        <Card title="Calls">
          <CallsChart buckets={buckets} axis={axis} />
          <p className="hint">
            <span className="swatch calls" aria-hidden="true" /> calls{' '}
            <span className="swatch faulty" aria-hidden="true" /> ended by a failure
          </p>
        </Card>
        <Card title="Voice to voice">
          <LatencyChart buckets={buckets} axis={axis} />
          <p className="hint">
            <span className="swatch p50" aria-hidden="true" /> median{' '}
            <span className="swatch p95" aria-hidden="true" /> 95 % · {answers.toLocaleString('en')}{' '}
            {answers === 1 ? 'answer' : 'answers'}
          </p>
        </Card>
      </div>
      <div className="columns">
        <Card title="Failures of vendors">
          <VendorFailures summary={summary} axis={axis} />
        </Card>
        <Card title="How calls ended">
          <EndReasons total={total} />
        </Card>
      </div>
    </>
  );
}

function axisOf({ buckets, started_before: before }: CallsSummary): TimeAxis {
  const startsMs = buckets.map(({ started_after: after }) => Date.parse(after));
  const toMs = Date.parse(before);
  const isDay = toMs - (startsMs[0] ?? toMs) <= 24 * HOUR_MS;
  return {
    startsMs,
    nameOf: (atMs) =>
      new Date(atMs).toLocaleString(
        undefined,
        isDay ? { timeStyle: 'short' } : { day: 'numeric', month: 'short' },
      ),
  };
}

function VendorFailures({
  summary,
  axis,
}: {
  readonly summary: CallsSummary;
  readonly axis: TimeAxis;
}): ReactNode {
  const series = failureSeries(summary);
  if (series.length === 0) return <p className="hint">Every vendor did its work in this time.</p>;
  return (
    <>
      <FailuresChart series={series} axis={axis} />
      <ul className="counts">
        {series.map(({ name, total }, at) => (
          <li key={name}>
            <span className={`swatch series-${at + 1}`} aria-hidden="true" />
            <span>{name}</span>
            <span className="number">{total.toLocaleString('en')}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function EndReasons({ total }: { readonly total: CallFigures }): ReactNode {
  const endReasons = endReasonsOf(total);
  if (endReasons.length === 0) return <p className="hint">None has ended yet.</p>;
  return (
    <RowChart
      label="How calls ended"
      rows={endReasons.map(({ reason, count }, id) => ({
        id,
        name: endReasonNames[reason],
        label: endReasonNames[reason],
        says: count.toLocaleString('en'),
        total: count.toLocaleString('en'),
        parts: [{ className: faultyEnds.has(reason) ? 'faulty' : 'calls', size: count }],
      }))}
    />
  );
}

const minutesOf = ({ minutes }: CallFigures): string =>
  minutes < 10 ? minutes.toFixed(1) : Math.round(minutes).toLocaleString('en');

const msOrNone = (ms: number | null): string => (ms === null ? '–' : wholeMs(ms));

function Tile({ name, value }: { readonly name: string; readonly value: string }): ReactNode {
  return (
    <div className="tile">
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
