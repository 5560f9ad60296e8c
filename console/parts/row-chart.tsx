import type { ReactNode } from 'react';
import type { Bar } from './bars.tsx';
import { LazyBars } from './lazy-bars.tsx';

export type ChartRow = Bar & {
  readonly label: ReactNode;
  readonly total: string;
};

/** A list in which every row has its bar, all on one scale. The rows are there before the bars are. */
export function RowChart({
  label,
  rows,
  figureOf,
}: {
  readonly label: string;
  readonly rows: readonly ChartRow[];
  /** A figure as it stands on the axis; undefined: there is none. */
  readonly figureOf?: (figure: number) => string;
}): ReactNode {
  return (
    <div className={figureOf ? 'row-chart with-axis' : 'row-chart'}>
      <ul>
        {rows.map(({ id, label, total }) => (
          <li key={id}>
            <span className="row-chart-label">{label}</span>
            <span className="number">{total}</span>
          </li>
        ))}
      </ul>
      <div className="row-chart-bars drawn">
        <LazyBars label={label} bars={rows} direction="lying" figureOf={figureOf} />
      </div>
    </div>
  );
}
