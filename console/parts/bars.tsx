import type { ReactNode } from 'react';
import {
  Bar as BarSeries,
  BarChart,
  CartesianGrid,
  Rectangle,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts';
import type { TooltipContentProps } from 'recharts';

/** One bar: parts that follow each other from zero. */
export type Bar = {
  /** Which it is, unlike any other of its chart; its place on the axis where that has names. */
  readonly id: number;
  readonly name: string;
  /** Its figures in words. */
  readonly says: string;
  readonly parts: readonly { readonly className: string; readonly size: number }[];
};

export type BarsProps = {
  readonly label: string;
  readonly bars: readonly Bar[];
  /** Upright beside each other, or lying one below the other at the heights of equal rows. */
  readonly direction: 'upright' | 'lying';
  /** A figure as it stands on the axis; undefined: there is none. */
  readonly figureOf: ((figure: number) => string) | undefined;
  /** The name of a bar as it stands on the axis; undefined: there is none. */
  readonly nameOf?: (id: number) => string;
};

const AXIS_HEIGHT = 24;
const LYING_BAR_SIZE = 18;
/** So wide that the days of a week's bars, four to a day, stand there once each. */
const NAME_GAP = 40;
const FILLS_ROOM = { width: '100%', height: '100%' } as const;
const NO_MARGIN = { top: 0, right: 0, bottom: 0, left: 0 } as const;
/** Room for half of the highest figure. */
const UPRIGHT_MARGIN = { ...NO_MARGIN, top: 10 } as const;

/**
 * Bars as large as the element around them. Their colours are those of their parts' classes. It is
 * the only part of the console that needs the charting library, and loaded when it is shown.
 */
export function Bars({ label, bars, direction, figureOf, nameOf }: BarsProps): ReactNode {
  const isUpright = direction === 'upright';
  const partsMax = Math.max(0, ...bars.map(({ parts }) => parts.length));
  const figures = {
    type: 'number',
    axisLine: false,
    tickLine: false,
    hide: figureOf === undefined,
    ...(figureOf && { tickFormatter: figureOf }),
  } as const;
  const names = {
    type: 'category',
    dataKey: 'id',
    tickLine: false,
    hide: nameOf === undefined,
    ...(nameOf && { tickFormatter: nameOf }),
  } as const;
  return (
    <BarChart
      responsive
      style={FILLS_ROOM}
      layout={isUpright ? 'horizontal' : 'vertical'}
      data={bars}
      margin={isUpright ? UPRIGHT_MARGIN : NO_MARGIN}
      {...(!isUpright && { barSize: LYING_BAR_SIZE })}
      accessibilityLayer
      aria-label={`${label}. The arrow keys go from bar to bar.`}
    >
      {figureOf && <CartesianGrid vertical={!isUpright} horizontal={isUpright} />}
      {isUpright ? (
        <>
          <XAxis
            {...names}
            height={AXIS_HEIGHT}
            tickMargin={4}
            interval="equidistantPreserveStart"
            minTickGap={NAME_GAP}
          />
          <YAxis {...figures} width="auto" allowDecimals={false} />
        </>
      ) : (
        <>
          <XAxis {...figures} height={AXIS_HEIGHT} interval={0} />
          <YAxis {...names} />
        </>
      )}
      <Tooltip content={Told} isAnimationActive={false} cursor={{ className: 'chart-cursor' }} />
      {Array.from({ length: partsMax }, (_, at) => (
        <BarSeries
          key={at}
          stackId="parts"
          dataKey={({ parts }: Bar) => parts[at]?.size ?? 0}
          isAnimationActive={false}
          shape={({ x, y, width, height, index }) => (
            <Rectangle
              x={x}
              y={y}
              width={width}
              height={height}
              className={bars[index]?.parts[at]?.className ?? ''}
            />
          )}
        />
      ))}
    </BarChart>
  );
}

/** The figures of the bar under the pointer or the keys, also said aloud. */
function Told({ payload }: TooltipContentProps): ReactNode {
  const bar: Bar | undefined = payload[0]?.payload;
  return (
    <p className="chart-told" role="status">
      {bar && (
        <>
          <strong>{bar.name}</strong> <span>{bar.says}</span>
        </>
      )}
    </p>
  );
}
