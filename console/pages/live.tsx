import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { ReactNode } from 'react';
import { callerName } from '../lib/format.ts';
import type { LiveCall } from '../lib/live-calls.ts';
import { voiceStatusQuery } from '../lib/queries.ts';
import { Link } from '../lib/router.tsx';
import { useApi } from '../lib/session.tsx';
import { useLiveCalls } from '../lib/use-live-calls.ts';
import type { LiveView } from '../lib/use-live-calls.ts';
import { Badge, ConfirmButton, Empty, Failure, Loading } from '../parts/basics.tsx';
import { CallClock, CallState, LiveCallView } from '../parts/live-call-view.tsx';
import { SentenceForm } from '../parts/sentence-form.tsx';

/** A longer list is of no use to the eye; the newest are shown. */
const SHOWN_MAX = 100;
/** However many calls begin and end, the server is asked for their number this often at most. */
const ASK_EVERY_MS = 1_000;
const WITH_LEVELS = { levels: true };

/** The calls of an instance as they happen. */
export function LivePage({ instanceId }: { readonly instanceId: string }): ReactNode {
  const api = useApi();
  const client = useQueryClient();
  const view = useLiveCalls(api, instanceId, WITH_LEVELS);
  const [chosen, setChosen] = useState<string>();
  const calls = [...view.calls.values()].toSorted(
    (left, right) => right.startedAtMs - left.startedAtMs,
  );
  const open = calls.filter(({ state }) => state !== 'ended');
  // Stays with the call that is looked at, also when it ends and others begin.
  const shown = view.calls.get(chosen ?? '') ?? open[0] ?? calls[0];
  const shownId = shown?.callId;
  useEffect(() => setChosen(shownId), [shownId]);
  // The head of the page counts the calls as well.
  const openCount = open.length;
  const askTimer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    askTimer.current ??= setTimeout(() => {
      askTimer.current = undefined;
      void client.invalidateQueries({ queryKey: voiceStatusQuery(api, instanceId).queryKey });
    }, ASK_EVERY_MS);
  }, [client, api, instanceId, openCount]);
  useEffect(
    () => () => {
      clearTimeout(askTimer.current);
      askTimer.current = undefined;
    },
    [],
  );

  if (view.stream === 'refused' && view.error) return <Failure error={view.error} />;
  return (
    <>
      <div className="live-head">
        <p>
          {open.length === 0 ? 'No call' : open.length === 1 ? '1 call' : `${open.length} calls`}{' '}
          going on
        </p>
        <StreamNote view={view} />
      </div>
      {calls.length === 0 ? (
        view.isListed ? (
          <Empty title="Nobody is calling">
            <p>A call appears here the moment it is answered. This page needs no reload.</p>
          </Empty>
        ) : (
          <Loading lines={6} />
        )
      ) : (
        <div className="live">
          <ul className="rows live-list" aria-label="Calls">
            {calls.slice(0, SHOWN_MAX).map((call) => (
              <li key={call.callId}>
                <button
                  type="button"
                  className="row"
                  aria-pressed={call.callId === shownId}
                  onClick={() => setChosen(call.callId)}
                >
                  <LiveLine call={call} />
                </button>
              </li>
            ))}
            {calls.length > SHOWN_MAX && (
              <li className="hint">{calls.length - SHOWN_MAX} older calls are not shown.</li>
            )}
          </ul>
          {shown && <OwnersCall key={shown.callId} call={shown} />}
        </div>
      )}
    </>
  );
}

function StreamNote({ view }: { readonly view: LiveView }): ReactNode {
  const isOpen = view.stream === 'open';
  return (
    <p role="status" className="stream-note">
      <Badge tone={isOpen ? 'good' : 'warn'}>
        {isOpen ? 'Live' : view.stream === 'connecting' ? 'Connecting …' : 'Connection lost'}
      </Badge>
      {view.stream === 'waiting' && <span className="hint"> It is tried again by itself.</span>}
    </p>
  );
}

function LiveLine({ call }: { readonly call: LiveCall }): ReactNode {
  return (
    <>
      <span className="row-main">
        <strong>{callerName(call.callerPhone)}</strong>
        <span className="hint">
          <CallClock call={call} /> · {call.turns.length}{' '}
          {call.turns.length === 1 ? 'turn' : 'turns'}
        </span>
      </span>
      <CallState call={call} />
    </>
  );
}

/** The live view of one call, with what the owner can do about it. */
function OwnersCall({ call }: { readonly call: LiveCall }): ReactNode {
  const isOver = call.state === 'ended';
  const api = useApi();
  const hangUp = useMutation({
    mutationFn: () => api.send('POST', `/calls/${call.callId}/hangup`),
  });
  return (
    <LiveCallView
      call={call}
      name={callerName(call.callerPhone)}
      actions={
        <>
          <Link to={`/calls/${call.callId}`} className="button">
            Details
          </Link>
          {!isOver && (
            <ConfirmButton
              label="Hang up"
              question="Hang up this call?"
              detail="The agent says goodbye and ends the call."
              confirmLabel="Hang up"
              isBusy={hangUp.isPending || call.state === 'ending'}
              onConfirm={() => hangUp.mutate()}
            />
          )}
        </>
      }
      problem={hangUp.error && <Failure error={hangUp.error} />}
      hasLevels
    >
      <SentenceForm
        label="Have the agent say"
        button="Say"
        maxLength={1_000}
        onSend={(text) => api.send('POST', `/calls/${call.callId}/say`, { text })}
      />
    </LiveCallView>
  );
}
