import type { ReactNode } from 'react';
import type { Turn } from '#protocol/calls.ts';
import { clockTime, wholeMs } from '../lib/format.ts';
import { stageNames, waterfallStages } from '../lib/waterfall-stages.ts';
import type { StageName } from '../lib/waterfall-stages.ts';
import { RowChart } from './row-chart.tsx';
import type { ChartRow } from './row-chart.tsx';

const STAGE_LABELS: Readonly<Record<StageName, string>> = {
  end_decided: 'End decided',
  first_token: 'First token',
  first_clause: 'First clause',
  first_audio: 'First audio',
  played: 'Heard by the caller',
};

/** Where the milliseconds of every answer went, one bar a turn, all on one scale. */
export function WaterfallChart({ turns }: { readonly turns: readonly Turn[] }): ReactNode {
  const rows = turns.flatMap((turn) => (turn.role === 'agent' ? rowsOf(turn) : []));
  if (rows.length === 0) return <p className="hint">No turn of this call answered the caller.</p>;
  return (
    <figure>
      <figcaption>
        <ul className="legend">
          {stageNames.map((stage) => (
            <li key={stage}>
              <span className={`swatch ${stage}`} aria-hidden="true" />
              {STAGE_LABELS[stage]}
            </li>
          ))}
        </ul>
        <span className="hint">
          Milliseconds from the end of the caller’s speech. What was prepared on trial may come
          before the end was decided.
        </span>
      </figcaption>
      <RowChart label="Where the time of every answer went" rows={rows} figureOf={String} />
    </figure>
  );
}

/** One, or none for a turn that answered nobody. */
function rowsOf(turn: Turn): readonly ChartRow[] {
  const stages = waterfallStages(turn.waterfall_ms);
  if (stages.length === 0) return [];
  const at = clockTime(turn.start_ms / 1_000);
  const says = stages
    .map(({ stage, toMs }) => `${STAGE_LABELS[stage]} ${wholeMs(toMs)}`)
    .join(', ');
  return [
    {
      id: turn.index,
      name: at,
      says,
      label: (
        <>
          <span className="at">{at}</span> <span className="clip">{turn.text}</span>
          <span className="visually-hidden">{says}</span>
        </>
      ),
      total: turn.waterfall_ms.played === undefined ? '–' : wholeMs(turn.waterfall_ms.played),
      // What was ready before the caller had ended took none of this time.
      parts: stages.map(({ stage, fromMs, toMs }) => ({
        className: stage,
        size: Math.max(0, toMs) - Math.max(0, fromMs),
      })),
    },
  ];
}
