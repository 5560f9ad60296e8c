import type { ReactNode } from 'react';
import type { Turn } from '#protocol/calls.ts';
import { clockTime } from '../lib/format.ts';
import type { JournalMark } from '../lib/journal-marks.ts';

const WIDTH = 1_000;
const LANE_HEIGHT = 22;
const LANES = [
  ['caller', 'Caller'],
  ['agent', 'Agent'],
] as const;

/** Who spoke when, with failovers and tools where they happened. */
export function CallTimeline({
  turns,
  marks,
  durationMs,
}: {
  readonly turns: readonly Turn[];
  readonly marks: readonly JournalMark[];
  readonly durationMs: number;
}): ReactNode {
  const lengthMs = Math.max(1_000, durationMs, ...turns.map((turn) => turn.end_ms));
  const xOf = (ms: number): number => (Math.max(0, ms) / lengthMs) * WIDTH;
  const shownMarks = marks.filter(({ kind }) => kind !== 'note');
  return (
    <div className="timeline">
      {LANES.map(([role, name]) => (
        <div key={role} className="lane">
          <span className="lane-name">{name}</span>
          <svg
            viewBox={`0 0 ${WIDTH} ${LANE_HEIGHT}`}
            preserveAspectRatio="none"
            role="img"
            aria-label={`${name}: ${turns.filter((turn) => turn.role === role).length} turns`}
          >
            <rect className="ground" width={WIDTH} height={LANE_HEIGHT} />
            {turns
              .filter((turn) => turn.role === role)
              .map((turn) => (
                <rect
                  key={turn.index}
                  className={turn.interrupted ? `${role} cut` : role}
                  x={xOf(turn.start_ms)}
                  width={Math.max(2, xOf(turn.end_ms) - xOf(turn.start_ms))}
                  height={LANE_HEIGHT}
                >
                  <title>{`${clockTime(turn.start_ms / 1_000)} ${turn.heard}`}</title>
                </rect>
              ))}
          </svg>
        </div>
      ))}
      {shownMarks.length > 0 && (
        <div className="lane">
          <span className="lane-name">Events</span>
          <svg
            viewBox={`0 0 ${WIDTH} ${LANE_HEIGHT}`}
            preserveAspectRatio="none"
            role="img"
            aria-label={`${shownMarks.length} events: ${shownMarks.map(({ title }) => title).join(', ')}`}
          >
            <rect className="ground" width={WIDTH} height={LANE_HEIGHT} />
            {shownMarks.map((mark, at) => (
              <rect
                // oxlint-disable-next-line react/no-array-index-key -- several may be of one moment
                key={at}
                className={mark.kind}
                x={xOf(mark.atMs)}
                width="4"
                height={LANE_HEIGHT}
              >
                <title>{`${clockTime(mark.atMs / 1_000)} ${mark.title} ${mark.detail}`}</title>
              </rect>
            ))}
          </svg>
        </div>
      )}
      <div className="chart-foot" aria-hidden="true">
        <span>0:00</span>
        <span>{clockTime(lengthMs / 1_000)}</span>
      </div>
      <ul className="legend">
        <li>
          <span className="swatch cut" aria-hidden="true" />
          cut short by the caller
        </li>
        <li>
          <span className="swatch failover" aria-hidden="true" />
          failover
        </li>
        <li>
          <span className="swatch tool" aria-hidden="true" />
          tool or key
        </li>
      </ul>
    </div>
  );
}
