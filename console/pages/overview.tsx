import { useQueries, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { overviewOf } from '../lib/figures.ts';
import type { Overview } from '../lib/figures.ts';
import { endReasonNames, faultyEnds, wholeMs } from '../lib/format.ts';
import { callQuery, COUNTED_CALLS_MAX, recentCallsQuery } from '../lib/queries.ts';
import { Link } from '../lib/router.tsx';
import { useApi } from '../lib/session.tsx';
import { useNow } from '../lib/use-now.ts';
import { Card, Empty, Failure, Loading } from '../parts/basics.tsx';
import { CallsChart, LatencyChart } from '../parts/time-charts.tsx';

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
/** Latencies stand in the calls' own records, which are read one by one. */
const MEASURED_CALLS_MAX = 60;

/** What an instance's line did over time. */
export function OverviewPage({ instanceId }: { readonly instanceId: string }): ReactNode {
  const [name, setName] = useState<RangeName>('day');
  const { ms, buckets } = RANGES[name];
  // The range moves by whole bars: they do not crawl, and what is counted in one stays in it.
  const barMs = ms / buckets;
  const lastBar = Math.floor(useNow(true, 10_000) / barMs) + 1;
  const range = { fromMs: lastBar * barMs - ms, toMs: lastBar * barMs };
  const api = useApi();
  const recent = useQuery(recentCallsQuery(api, instanceId, new Date(range.fromMs).toISOString()));
  const ended = (recent.data?.calls ?? []).filter((call) => call.state === 'ended');
  const measured = ended.slice(0, MEASURED_CALLS_MAX);
  const records = useQueries({
    queries: measured.map((call) => callQuery(api, call.call_id)),
    combine: (results) => results.flatMap(({ data }) => data ?? []),
  });
  const overview = overviewOf(recent.data?.calls ?? [], records, range, buckets);
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
      {recent.isPending && <Loading lines={8} />}
      {recent.error && <Failure error={recent.error} onRetry={() => void recent.refetch()} />}
      {recent.data && overview.callCount === 0 && (
        <Empty title="No calls in this time">
          <p>
            When somebody calls, this page shows how many, how long, and how soon they were
            answered.
          </p>
          <Link to={`/instances/${instanceId}/voice`}>Look at the phone line</Link>
        </Empty>
      )}
      {recent.data && overview.callCount > 0 && (
        <Figures
          overview={overview}
          rangeMs={ms}
          isCut={recent.data.isCut}
          isSample={ended.length > measured.length}
        />
      )}
    </>
  );
}

function Figures({
  overview,
  rangeMs,
  isCut,
  isSample,
}: {
  readonly overview: Overview;
  readonly rangeMs: number;
  readonly isCut: boolean;
  readonly isSample: boolean;
}): ReactNode {
  const { voiceToVoice, endReasons, buckets } = overview;
  const most = Math.max(1, ...endReasons.map(({ count }) => count));
  const nameOf = (atMs: number): string =>
    new Date(atMs).toLocaleString(
      undefined,
      rangeMs <= 24 * HOUR_MS ? { timeStyle: 'short' } : { day: 'numeric', month: 'short' },
    );
  return (
    <>
      <dl className="tiles">
        <Tile name="Calls" value={overview.callCount.toLocaleString('en')} />
        <Tile name="Minutes" value={overview.minutes.toFixed(overview.minutes < 10 ? 1 : 0)} />
        <Tile name="Voice to voice, median" value={msOrNone(voiceToVoice.p50Ms)} />
        <Tile name="Voice to voice, 95 %" value={msOrNone(voiceToVoice.p95Ms)} />
      </dl>
      {isCut && (
        <p className="hint">
          There are more: the newest {COUNTED_CALLS_MAX.toLocaleString('en')} calls are counted.
        </p>
      )}
      <div className="columns">
        <Card title="Calls">
          <CallsChart buckets={buckets} nameOf={nameOf} />
          <p className="hint">
            <span className="swatch calls" aria-hidden="true" /> calls{' '}
            <span className="swatch faulty" aria-hidden="true" /> ended by a failure
          </p>
        </Card>
        <Card title="Voice to voice">
          <LatencyChart buckets={buckets} nameOf={nameOf} />
          <p className="hint">
            <span className="swatch p50" aria-hidden="true" /> median{' '}
            <span className="swatch p95" aria-hidden="true" /> 95 % ·{' '}
            {voiceToVoice.turnCount.toLocaleString('en')} answers
            {isSample ? ` of the newest ${MEASURED_CALLS_MAX} calls` : ''}
          </p>
        </Card>
      </div>
      <Card title="How calls ended">
        {endReasons.length === 0 ? (
          <p className="hint">None has ended yet.</p>
        ) : (
          <ul className="bars">
            {endReasons.map(({ reason, count }) => (
              <li key={reason}>
                <span>{endReasonNames[reason]}</span>
                <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                  <rect
                    className={faultyEnds.has(reason) ? 'faulty' : 'calls'}
                    width={(count / most) * 100}
                    height="10"
                  />
                </svg>
                <span className="number">{count}</span>
              </li>
            ))}
          </ul>
        )}
      </Card>
    </>
  );
}

const msOrNone = (ms: number | undefined): string => (ms === undefined ? '–' : wholeMs(ms));

function Tile({ name, value }: { readonly name: string; readonly value: string }): ReactNode {
  return (
    <div className="tile">
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
