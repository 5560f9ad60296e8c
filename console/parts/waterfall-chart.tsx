import type { ReactNode } from 'react';
import type { Turn, Waterfall } from '#protocol/calls.ts';
import { clockTime, wholeMs } from '../lib/format.ts';
import { stageNames, waterfallStages } from '../lib/waterfall-stages.ts';
import type { StageName } from '../lib/waterfall-stages.ts';

const STAGE_LABELS: Readonly<Record<StageName, string>> = {
  end_decided: 'End decided',
  first_token: 'First token',
  first_clause: 'First clause',
  first_audio: 'First audio',
  played: 'Heard by the caller',
};
const TICKS = 4;

/** Where the milliseconds of every answer went, one bar a turn, all on one scale. */
export function WaterfallChart({ turns }: { readonly turns: readonly Turn[] }): ReactNode {
  const answers = turns.filter(
    ({ role, waterfall_ms: waterfall }) =>
      role === 'agent' && waterfallStages(waterfall).length > 0,
  );
  if (answers.length === 0)
    return <p className="hint">No turn of this call answered the caller.</p>;
  const longest = Math.max(
    ...answers.flatMap((turn) => waterfallStages(turn.waterfall_ms).map(({ toMs }) => toMs)),
  );
  const scaleMs = niceCeiling(longest);
  return (
    <figure className="waterfall">
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
      <div className="waterfall-rows">
        {answers.map((turn) => (
          <WaterfallRow key={turn.index} turn={turn} scaleMs={scaleMs} />
        ))}
      </div>
      <div className="waterfall-axis" aria-hidden="true">
        {Array.from({ length: TICKS + 1 }, (_, tick) => (
          <span key={tick}>{Math.round((scaleMs / TICKS) * tick)}</span>
        ))}
      </div>
    </figure>
  );
}

function WaterfallRow({
  turn,
  scaleMs,
}: {
  readonly turn: Turn;
  readonly scaleMs: number;
}): ReactNode {
  const stages = waterfallStages(turn.waterfall_ms);
  return (
    <div className="waterfall-row">
      <span className="waterfall-label">
        <span className="at">{clockTime(turn.start_ms / 1_000)}</span>{' '}
        <span className="clip">{turn.text}</span>
      </span>
      <svg
        viewBox="0 0 1000 20"
        preserveAspectRatio="none"
        role="img"
        aria-label={sentenceOf(turn.waterfall_ms)}
      >
        <rect className="ground" width="1000" height="20" />
        {stages.map(({ stage, fromMs, toMs }) => (
          <rect
            key={stage}
            className={stage}
            x={(Math.max(0, fromMs) / scaleMs) * 1_000}
            width={(Math.max(0, toMs - Math.max(0, fromMs)) / scaleMs) * 1_000}
            height="20"
          >
            <title>{`${STAGE_LABELS[stage]}: ${wholeMs(toMs)}`}</title>
          </rect>
        ))}
      </svg>
      <span className="waterfall-total">
        {turn.waterfall_ms.played === undefined ? '–' : wholeMs(turn.waterfall_ms.played)}
      </span>
    </div>
  );
}

const sentenceOf = (waterfall: Waterfall): string =>
  waterfallStages(waterfall)
    .map(({ stage, toMs }) => `${STAGE_LABELS[stage]} ${wholeMs(toMs)}`)
    .join(', ');

/** The next figure above that reads well on an axis. */
function niceCeiling(ms: number): number {
  const step = ms <= 400 ? 100 : ms <= 2_000 ? 200 : ms <= 10_000 ? 1_000 : 5_000;
  return Math.max(step, Math.ceil(ms / step) * step);
}
