import type { ReactNode } from 'react';
import { SILENCE_DBFS } from '../lib/loudness.ts';

const WIDTH = 100;

/** How loud both sides are, in dBFS: -60 is silence, 0 the loudest that can be. */
export function VoiceLevels({
  callerDbfs,
  agentDbfs,
}: {
  readonly callerDbfs: number;
  readonly agentDbfs: number;
}): ReactNode {
  return (
    <div className="levels">
      <Level side="caller" name="Caller" dbfs={callerDbfs} />
      <Level side="agent" name="Agent" dbfs={agentDbfs} />
    </div>
  );
}

function Level({
  side,
  name,
  dbfs,
}: {
  readonly side: 'caller' | 'agent';
  readonly name: string;
  readonly dbfs: number;
}): ReactNode {
  const share = Math.min(1, Math.max(0, 1 - dbfs / SILENCE_DBFS));
  return (
    <div className="level">
      <span className="lane-name">{name}</span>
      <svg
        role="meter"
        aria-label={`Loudness of the ${side}`}
        aria-valuemin={SILENCE_DBFS}
        aria-valuemax={0}
        aria-valuenow={Math.max(SILENCE_DBFS, dbfs)}
        aria-valuetext={dbfs <= SILENCE_DBFS ? 'silent' : `${dbfs} dB`}
        viewBox={`0 0 ${WIDTH} 4`}
        preserveAspectRatio="none"
      >
        <rect className="ground" width={WIDTH} height="4" />
        <rect className={side} width={share * WIDTH} height="4" />
      </svg>
    </div>
  );
}
