import { useRef, useState } from 'react';
import type { ReactNode } from 'react';
import type { LiveCall } from '../lib/live-calls.ts';
import { microphoneProblems } from '../lib/microphone.ts';
import { Link } from '../lib/router.tsx';
import { useApi } from '../lib/session.tsx';
import type { Talk, TalkState } from '../lib/talk.ts';
import { useLiveCalls } from '../lib/use-live-calls.ts';
import { useTalk, useTalkLevels } from '../lib/use-talk.ts';
import { Empty, Failure, Loading } from '../parts/basics.tsx';
import { LiveCallView } from '../parts/live-call-view.tsx';
import { SentenceForm } from '../parts/sentence-form.tsx';
import { VoiceLevels } from '../parts/voice-levels.tsx';

/** As long as the server takes typed text. */
const TEXT_MAX = 4_096;

/** A call of the agent from the page, and the live view of it. */
export function TalkPage({ instanceId }: { readonly instanceId: string }): ReactNode {
  const api = useApi();
  const { talk, state } = useTalk(api, instanceId);
  const view = useLiveCalls(api, instanceId);
  const callId = state.is === 'on' || state.is === 'over' ? state.callId : undefined;
  const call = useOwnCall(view.calls, callId);
  return (
    <div className="live talk">
      <Phone talk={talk} state={state} />
      {callId === undefined ? (
        <div className="card live-call talk-empty">
          <Empty title="What is said stands here">
            <p>Your words while they are recognised, and of the agent’s those that you heard.</p>
          </Empty>
        </div>
      ) : view.stream === 'refused' && view.error ? (
        <Failure error={view.error} />
      ) : call ? (
        <LiveCallView
          call={call}
          name="You"
          actions={
            // Later: following it leaves the page, and that hangs up.
            <Link
              to={`/calls/${call.callId}`}
              className={state.is === 'over' ? 'button' : 'button away'}
            >
              Details
            </Link>
          }
        >
          {state.is === 'on' && talk && (
            <SentenceForm
              key={callId}
              label="Say it in writing"
              button="Send"
              maxLength={TEXT_MAX}
              onSend={talk.write}
            />
          )}
        </LiveCallView>
      ) : (
        <div className="card live-call">
          <Loading lines={6} />
        </div>
      )}
    </div>
  );
}

/** The page's own call as it was known last: ended ones are forgotten where many others end. */
function useOwnCall(
  calls: ReadonlyMap<string, LiveCall>,
  callId: string | undefined,
): LiveCall | undefined {
  const [known, setKnown] = useState<LiveCall>();
  const call = callId === undefined ? undefined : calls.get(callId);
  if (call && call !== known) setKnown(call);
  return call ?? (known?.callId === callId ? known : undefined);
}

function Phone({
  talk,
  state,
}: {
  readonly talk: Talk | undefined;
  readonly state: TalkState;
}): ReactNode {
  const isOn = state.is === 'on';
  const isBusy = isOn || state.is === 'asking' || state.is === 'connecting';
  const levels = useTalkLevels(talk, isOn);
  const [isMuted, setMuted] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const call = (withMicrophone: boolean): void => {
    setMuted(false);
    // What was pressed may go away with the state that it belonged to.
    button.current?.focus();
    void talk?.call({ withMicrophone });
  };
  const mute = (): void => {
    talk?.hear(isMuted);
    setMuted(!isMuted);
  };
  const canMute = isOn && state.hasMicrophone;
  return (
    <section className="card phone" aria-label="Phone">
      <p role="status" className="phone-title">
        {titleOf(state, isMuted)}
      </p>
      <VoiceLevels {...levels} />
      <div className="phone-buttons">
        <button
          ref={button}
          type="button"
          className={isBusy ? 'danger solid' : 'solid'}
          disabled={!talk}
          onClick={() => (isBusy ? talk?.hangUp() : call(true))}
        >
          {isBusy ? (isOn ? 'Hang up' : 'Cancel') : callLabelOf(state)}
        </button>
        <button type="button" aria-pressed={canMute && isMuted} disabled={!canMute} onClick={mute}>
          Mute
        </button>
      </div>
      <button
        type="button"
        className={isBusy ? 'quiet away' : 'quiet'}
        disabled={!talk || isBusy}
        onClick={() => call(false)}
      >
        Call without a microphone
      </button>
      {/* At the end, where a long sentence moves nothing. */}
      <div className="phone-detail">
        {state.is === 'failed' ? (
          <Failure error={state.error} />
        ) : (
          <p className="hint">{detailOf(state)}</p>
        )}
      </div>
    </section>
  );
}

const callLabelOf = (state: TalkState): string =>
  state.is === 'over'
    ? 'Call again'
    : state.is === 'no-microphone' || state.is === 'failed'
      ? 'Try again'
      : 'Call the agent';

function titleOf(state: TalkState, isMuted: boolean): string {
  switch (state.is) {
    case 'idle':
      return 'Call the agent from here';
    case 'asking':
      return 'Waiting for the microphone …';
    case 'no-microphone':
      return microphoneProblems[state.why].title;
    case 'connecting':
      return 'Connecting …';
    case 'on':
      if (!state.hasMicrophone) return 'Connected. The agent reads you.';
      return isMuted ? 'Connected. You are muted.' : 'Connected. Speak.';
    case 'over':
      return 'The call is over.';
    case 'failed':
      return 'The call did not begin.';
  }
}

function detailOf(state: Exclude<TalkState, { is: 'failed' }>): string {
  switch (state.is) {
    case 'idle':
      return 'It is a call like any other: it is on record, and vendors are paid for it.';
    case 'asking':
      return 'The browser asks whether this page may use it.';
    case 'no-microphone':
      return `${microphoneProblems[state.why].remedy} You can also call without it and write.`;
    case 'connecting':
      return 'The agent is being called.';
    case 'on':
      return 'With headphones the agent does not hear itself. Leaving this page hangs up.';
    case 'over':
      return 'It stays on record: see its details.';
  }
}
