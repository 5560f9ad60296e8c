import type { ReactNode } from 'react';
import type { Bucket } from '../lib/figures.ts';
import { wholeMs } from '../lib/format.ts';

const WIDTH = 600;
const HEIGHT = 120;

type Props = {
  readonly buckets: readonly Bucket[];
  /** A moment as it stands on the axis. */
  readonly nameOf: (atMs: number) => string;
};

/** Calls over time, those that ended badly in another colour. */
export function CallsChart({ buckets, nameOf }: Props): ReactNode {
  const highest = Math.max(1, ...buckets.map(({ callCount }) => callCount));
  const barWidth = WIDTH / buckets.length;
  const heightOf = (count: number): number => (count / highest) * HEIGHT;
  return (
    <Chart
      label={`Calls over time, at most ${highest} in a bar`}
      top={String(highest)}
      buckets={buckets}
      nameOf={nameOf}
    >
      {buckets.map((bucket, at) => (
        <g key={bucket.fromMs}>
          <title>{`${nameOf(bucket.fromMs)}: ${bucket.callCount} calls, ${bucket.faultyCount} failed`}</title>
          <rect
            className="calls"
            x={at * barWidth + 1}
            width={Math.max(1, barWidth - 2)}
            y={HEIGHT - heightOf(bucket.callCount)}
            height={heightOf(bucket.callCount)}
          />
          <rect
            className="faulty"
            x={at * barWidth + 1}
            width={Math.max(1, barWidth - 2)}
            y={HEIGHT - heightOf(bucket.faultyCount)}
            height={heightOf(bucket.faultyCount)}
          />
        </g>
      ))}
    </Chart>
  );
}

/** Voice to voice over time: from the median to the slow twentieth. */
export function LatencyChart({ buckets, nameOf }: Props): ReactNode {
  const told = buckets.filter(({ p95Ms }) => p95Ms !== undefined);
  if (told.length === 0) return <p className="hint chart-empty">No answer was measured yet.</p>;
  const highest = Math.max(...told.map(({ p95Ms = 0 }) => p95Ms));
  const barWidth = WIDTH / buckets.length;
  const yOf = (ms: number): number => HEIGHT - (ms / highest) * HEIGHT;
  return (
    <Chart
      label={`Voice to voice over time, at most ${wholeMs(highest)}`}
      top={wholeMs(highest)}
      buckets={buckets}
      nameOf={nameOf}
    >
      {buckets.map((bucket, at) => {
        const { p50Ms, p95Ms } = bucket;
        if (p50Ms === undefined || p95Ms === undefined) return null;
        return (
          <g key={bucket.fromMs}>
            <title>{`${nameOf(bucket.fromMs)}: p50 ${wholeMs(p50Ms)}, p95 ${wholeMs(p95Ms)}`}</title>
            <rect
              className="p95"
              x={at * barWidth + 1}
              width={Math.max(1, barWidth - 2)}
              y={yOf(p95Ms)}
              height={HEIGHT - yOf(p95Ms)}
            />
            <rect
              className="p50"
              x={at * barWidth + 1}
              width={Math.max(1, barWidth - 2)}
              y={yOf(p50Ms)}
              height={HEIGHT - yOf(p50Ms)}
            />
          </g>
        );
      })}
    </Chart>
  );
}

function Chart({
  label,
  top,
  buckets,
  nameOf,
  children,
}: Props & {
  readonly label: string;
  readonly top: string;
  readonly children: ReactNode;
}): ReactNode {
  const [first] = buckets;
  const last = buckets.at(-1);
  return (
    <div className="chart">
      <span className="chart-top" aria-hidden="true">
        {top}
      </span>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
      >
        <line x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} className="base" />
        {children}
      </svg>
      <div className="chart-foot" aria-hidden="true">
        <span>{first ? nameOf(first.fromMs) : ''}</span>
        <span>{last ? nameOf(last.toMs) : ''}</span>
      </div>
    </div>
  );
}
