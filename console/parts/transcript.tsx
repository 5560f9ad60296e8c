import type { ReactNode } from 'react';
import type { Turn } from '#protocol/calls.ts';
import { clockTime, wholeMs } from '../lib/format.ts';
import { partHeard } from '../lib/heard-text.ts';

/** Between the turns: what else happened. */
export type TranscriptNote = {
  readonly atMs: number;
  readonly tone: 'calm' | 'warn';
  readonly text: string;
};

/** Words of a turn that is not over yet. */
export type UnfinishedTurn = { readonly role: Turn['role']; readonly text: string };

/** Who said what; of the agent, what was really heard of it. */
export function Transcript({
  turns,
  notes,
  unfinished = [],
}: {
  readonly turns: readonly Turn[];
  readonly notes: readonly TranscriptNote[];
  readonly unfinished?: readonly UnfinishedTurn[];
}): ReactNode {
  const lines = [
    ...turns.map((turn) => ({ atMs: turn.start_ms, turn })),
    ...notes.map((note) => ({ atMs: note.atMs, note })),
  ].toSorted((left, right) => left.atMs - right.atMs);
  return (
    <>
      <div role="log" aria-label="Transcript">
        <ol className="transcript">
          {lines.map((line, at) =>
            'turn' in line ? (
              <TurnLine key={`turn-${line.turn.index}`} turn={line.turn} />
            ) : (
              // oxlint-disable-next-line react/no-array-index-key -- several notes may be of one moment
              <li key={`note-${at}`} className={`note ${line.note.tone}`}>
                <span className="at">{clockTime(line.note.atMs / 1_000)}</span> {line.note.text}
              </li>
            ),
          )}
        </ol>
      </div>
      {/* Outside of the log: words that still change are not read out. */}
      <div className="transcript unfinished" aria-live="off">
        {unfinished
          .filter(({ text }) => text.trim() !== '')
          .map(({ role, text }) => (
            <div key={role} className={`turn ${role} interim`}>
              <span className="who">{role === 'caller' ? 'Caller' : 'Agent'} …</span>
              <p>{text}</p>
            </div>
          ))}
      </div>
    </>
  );
}

function TurnLine({ turn }: { readonly turn: Turn }): ReactNode {
  const { role, waterfall_ms: waterfall } = turn;
  const { heard, unheard } =
    role === 'agent' ? partHeard(turn.text, turn.heard) : { heard: turn.text, unheard: '' };
  return (
    <li className={`turn ${role}`}>
      <span className="who">
        {role === 'caller' ? 'Caller' : 'Agent'}{' '}
        <span className="at">{clockTime(turn.start_ms / 1_000)}</span>
        {waterfall.played !== undefined && (
          <span className="at"> · answered in {wholeMs(waterfall.played)}</span>
        )}
      </span>
      <p>
        {heard}
        {unheard !== '' && (
          <>
            {' '}
            <del>
              <span className="visually-hidden">not heard: </span>
              {unheard}
            </del>
          </>
        )}
      </p>
    </li>
  );
}
