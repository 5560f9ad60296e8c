import { useEffect, useRef } from 'react';
import type { ReactNode } from 'react';
import { clockTime, endReasonNames, stateNames } from '../lib/format.ts';
import type { LiveCall } from '../lib/live-calls.ts';
import { useNow } from '../lib/use-now.ts';
import { Badge } from './basics.tsx';
import { Transcript } from './transcript.tsx';
import { VoiceLevels } from './voice-levels.tsx';

/** This near to its end, in pixels, a transcript follows what is said. */
const AT_END_PX = 40;

/** One call as it happens, for its owner and for who talks to the agent from the page. */
export function LiveCallView({
  call,
  name,
  actions,
  problem,
  hasLevels = false,
  children,
}: {
  readonly call: LiveCall;
  /** Who is calling. */
  readonly name: string;
  readonly actions: ReactNode;
  readonly problem?: ReactNode;
  /** Whether to show how loud both sides are. */
  readonly hasLevels?: boolean;
  /** Stands below the words while the call goes on; after that it is said there how it ended. */
  readonly children: ReactNode;
}): ReactNode {
  const scroller = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    const box = scroller.current;
    if (box && isAtEnd.current) box.scrollTop = box.scrollHeight;
  });
  return (
    <section className="card live-call" aria-label={`Call from ${name}`}>
      <div className="card-head">
        <div>
          <h2>{name}</h2>
          <p className="hint">
            <CallClock call={call} />
            {call.isCallerSpeaking ? ' · the caller is speaking' : ''}
          </p>
        </div>
        <span className="row-side">
          <CallState call={call} />
          {actions}
        </span>
      </div>
      {hasLevels && <VoiceLevels callerDbfs={call.callerDbfs} agentDbfs={call.agentDbfs} />}
      {problem}
      {/* A box that scrolls can be scrolled by keyboard only if it takes the focus. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- see above */}
      <div
        className="live-transcript"
        ref={scroller}
        tabIndex={0}
        role="region"
        aria-label="What is said"
        onScroll={({ currentTarget: box }) => {
          isAtEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < AT_END_PX;
        }}
      >
        <Transcript
          turns={call.turns}
          notes={call.notes.map(({ atMs, kind, text }) => ({
            atMs,
            text,
            tone: kind === 'vendor' ? 'warn' : 'calm',
          }))}
          unfinished={[
            { role: 'agent', text: call.agentSays },
            { role: 'caller', text: call.callerSays },
          ]}
        />
        {call.turns.length === 0 && call.agentSays + call.callerSays === '' && (
          <p className="hint">Nothing has been said yet.</p>
        )}
      </div>
      {call.state === 'ended' ? (
        <p role="status" className="ended">
          {call.end ? endReasonNames[call.end.reason] : 'The call is over'}
          {call.end?.detail ? `: ${call.end.detail}` : '.'}
        </p>
      ) : (
        children
      )}
    </section>
  );
}

export const CallState = ({ call }: { readonly call: LiveCall }): ReactNode => (
  <Badge tone={call.state === 'ended' ? 'calm' : 'accent'}>{stateNames[call.state]}</Badge>
);

export function CallClock({ call }: { readonly call: LiveCall }): ReactNode {
  const nowMs = useNow(call.endedAtMs === undefined);
  return (
    <span className="clock">
      {clockTime(((call.endedAtMs ?? nowMs) - call.startedAtMs) / 1_000)}
    </span>
  );
}
