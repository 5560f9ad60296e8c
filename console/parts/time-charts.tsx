import type { ReactNode } from 'react';
import type { CallFiguresBucket } from '#protocol/calls-summary.ts';
import { faultyCount } from '../lib/figures.ts';
import type { FailureSeries } from '../lib/figures.ts';
import { dateTime, wholeMs } from '../lib/format.ts';
import type { Bar } from './bars.tsx';
import { LazyBars } from './lazy-bars.tsx';

export type TimeAxis = {
  /** Where each bar begins. */
  readonly startsMs: readonly number[];
  /** A moment as it stands on the axis. */
  readonly nameOf: (atMs: number) => string;
};

type Props = {
  readonly buckets: readonly CallFiguresBucket[];
  readonly axis: TimeAxis;
};

/** Calls over time, those that ended badly in another colour. */
export function CallsChart({ buckets, axis }: Props): ReactNode {
  return (
    <TimeChart
      label="Calls over time"
      axis={axis}
      figureOf={count}
      bars={buckets.map((bucket) => {
        const faulty = faultyCount(bucket);
        return {
          says: `${count(bucket.calls)} calls, ${count(faulty)} failed`,
          parts: [
            { className: 'faulty', size: faulty },
            { className: 'calls', size: bucket.calls - faulty },
          ],
        };
      })}
    />
  );
}

/** Voice to voice over time: from the median to the slow twentieth. */
export function LatencyChart({ buckets, axis }: Props): ReactNode {
  if (buckets.every(({ voice_to_voice_ms: { answers } }) => answers === 0))
    return <p className="hint chart">No answer was measured yet.</p>;
  return (
    <TimeChart
      label="Voice to voice over time"
      axis={axis}
      figureOf={wholeMs}
      bars={buckets.map(({ voice_to_voice_ms: { p50, p95 } }) =>
        p50 === null || p95 === null
          ? { says: 'no answers', parts: [] }
          : {
              says: `median ${wholeMs(p50)}, 95 % ${wholeMs(p95)}`,
              parts: [
                { className: 'p50', size: p50 },
                { className: 'p95', size: p95 - p50 },
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
  return (
    <TimeChart
      label="Failures of vendors over time"
      axis={axis}
      figureOf={count}
      bars={axis.startsMs.map((_, bar) => stacked(series, bar))}
    />
  );
}

function stacked(series: readonly FailureSeries[], bar: number): TimeBar {
  const told = series.flatMap(({ name, counts }) => {
    const failures = counts[bar] ?? 0;
    return failures === 0 ? [] : [`${name} ${count(failures)}`];
  });
  return {
    says: told.join('; ') || 'no failures',
    parts: series.map(({ counts }, at) => ({
      className: `series-${at + 1}`,
      size: counts[bar] ?? 0,
    })),
  };
}

const count = (figure: number): string => figure.toLocaleString('en');

type TimeBar = Pick<Bar, 'says' | 'parts'>;

/** The figures are drawn, and written for those who do not see them. */
function TimeChart({
  label,
  axis: { startsMs, nameOf },
  figureOf,
  bars,
}: {
  readonly label: string;
  readonly axis: TimeAxis;
  readonly figureOf: (figure: number) => string;
  /** One for each start. */
  readonly bars: readonly TimeBar[];
}): ReactNode {
  const named = bars.map((bar, at) => {
    const atMs = startsMs[at] ?? 0;
    return { ...bar, id: atMs, name: dateTime(new Date(atMs).toISOString()) };
  });
  return (
    <div className="chart drawn">
      <ul className="visually-hidden" aria-label={label}>
        {named.map(({ id, name, says }) => (
          <li key={id}>{`${name}: ${says}`}</li>
        ))}
      </ul>
      <LazyBars
        label={label}
        bars={named}
        direction="upright"
        figureOf={figureOf}
        nameOf={nameOf}
      />
    </div>
  );
}
