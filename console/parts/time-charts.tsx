import type { ReactNode } from 'react';
import type { CallFiguresBucket } from '#protocol/calls-summary.ts';
import { faultyCount } from '../lib/figures.ts';
import type { FailureSeries } from '../lib/figures.ts';
import { wholeMs } from '../lib/format.ts';

const WIDTH = 600;
const HEIGHT = 120;

export type TimeAxis = {
  /** Where each bar begins. */
  readonly startsMs: readonly number[];
  /** Where the last one ends. */
  readonly toMs: number;
  /** A moment as it stands on the axis. */
  readonly nameOf: (atMs: number) => string;
};

type Props = {
  readonly buckets: readonly CallFiguresBucket[];
  readonly axis: TimeAxis;
};

/** Calls over time, those that ended badly in another colour. */
export function CallsChart({ buckets, axis }: Props): ReactNode {
  const highest = Math.max(1, ...buckets.map(({ calls }) => calls));
  return (
    <BarChart
      label={`Calls over time, at most ${highest} in a bar`}
      top={String(highest)}
      highest={highest}
      axis={axis}
      bars={buckets.map((bucket) => {
        const faulty = faultyCount(bucket);
        return {
          says: `${bucket.calls} calls, ${faulty} failed`,
          parts: [
            { className: 'calls', from: 0, to: bucket.calls },
            { className: 'faulty', from: 0, to: faulty },
          ],
        };
      })}
    />
  );
}

/** Voice to voice over time: from the median to the slow twentieth. */
export function LatencyChart({ buckets, axis }: Props): ReactNode {
  const highest = Math.max(...buckets.map(({ voice_to_voice_ms: { p95 } }) => p95 ?? 0));
  if (buckets.every(({ voice_to_voice_ms: { answers } }) => answers === 0))
    return <p className="hint chart-empty">No answer was measured yet.</p>;
  return (
    <BarChart
      label={`Voice to voice over time, at most ${wholeMs(highest)}`}
      top={wholeMs(highest)}
      highest={highest}
      axis={axis}
      bars={buckets.map(({ voice_to_voice_ms: { p50, p95 } }) =>
        p50 === null || p95 === null
          ? { says: 'no answers', parts: [] }
          : {
              says: `p50 ${wholeMs(p50)}, p95 ${wholeMs(p95)}`,
              parts: [
                { className: 'p95', from: 0, to: p95 },
                { className: 'p50', from: 0, to: p50 },
              ],
            },
      )}
    />
  );
}

/** Failures of vendors over time, one vendor on top of the other. */
export function FailuresChart({
  series,
  axis,
}: {
  readonly series: readonly FailureSeries[];
  readonly axis: TimeAxis;
}): ReactNode {
  const bars = axis.startsMs.map((_, bar) => stacked(series, bar));
  const highest = Math.max(1, ...bars.map(({ total }) => total));
  return (
    <BarChart
      label={`Failures of vendors over time, at most ${highest} in a bar`}
      top={String(highest)}
      highest={highest}
      axis={axis}
      bars={bars}
    />
  );
}

function stacked(series: readonly FailureSeries[], bar: number): Bar & { readonly total: number } {
  let total = 0;
  const parts = series.map(({ counts }, at) => {
    const from = total;
    total += counts[bar] ?? 0;
    return { className: `series-${at + 1}`, from, to: total };
  });
  const told = series.flatMap(({ name, counts }) => {
    const count = counts[bar] ?? 0;
    return count === 0 ? [] : [`${name} ${count}`];
  });
  return { says: told.join('; ') || 'no failures', parts, total };
}

type Bar = {
  readonly says: string;
  /** Drawn one over the other. */
  readonly parts: readonly {
    readonly className: string;
    readonly from: number;
    readonly to: number;
  }[];
};

function BarChart({
  label,
  top,
  highest,
  axis,
  bars,
}: {
  readonly label: string;
  readonly top: string;
  readonly highest: number;
  readonly axis: TimeAxis;
  readonly bars: readonly Bar[];
}): ReactNode {
  const { startsMs, toMs, nameOf } = axis;
  const [firstMs] = startsMs;
  const barWidth = WIDTH / bars.length;
  const heightOf = (value: number): number => (value / highest) * HEIGHT;
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
        {bars.map(({ says, parts }, at) => (
          <g key={startsMs[at]}>
            <title>{`${nameOf(startsMs[at] ?? 0)}: ${says}`}</title>
            {parts.map(({ className, from, to }) => (
              <rect
                key={className}
                className={className}
                x={at * barWidth + 1}
                width={Math.max(1, barWidth - 2)}
                y={HEIGHT - heightOf(to)}
                height={heightOf(to - from)}
              />
            ))}
          </g>
        ))}
      </svg>
      <div className="chart-foot" aria-hidden="true">
        <span>{firstMs === undefined ? '' : nameOf(firstMs)}</span>
        <span>{nameOf(toMs)}</span>
      </div>
    </div>
  );
}
