import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { ReactNode } from 'react';
import type { Call } from '#protocol/calls.ts';
import type { Api } from '../lib/api.ts';
import {
  callerName,
  clockTime,
  dateTime,
  endReasonNames,
  faultyEnds,
  stateNames,
} from '../lib/format.ts';
import { journalMarks, vendorsUsed } from '../lib/journal-marks.ts';
import { callQuery, journalQuery } from '../lib/queries.ts';
import { Link, useRouter } from '../lib/router.tsx';
import { useApi } from '../lib/session.tsx';
import {
  Badge,
  Card,
  ConfirmButton,
  CopyButton,
  Failure,
  Loading,
  PageTitle,
} from '../parts/basics.tsx';
import { CallTimeline } from '../parts/call-timeline.tsx';
import { JournalList } from '../parts/journal-list.tsx';
import { ReplayPanel } from '../parts/replay-panel.tsx';
import { Transcript } from '../parts/transcript.tsx';
import { WaterfallChart } from '../parts/waterfall-chart.tsx';

/** All that is known of one call. */
export function CallPage({ callId }: { readonly callId: string }): ReactNode {
  const api = useApi();
  const call = useQuery(callQuery(api, callId));
  if (call.error)
    return (
      <>
        <PageTitle>Call</PageTitle>
        <Failure error={call.error} onRetry={() => void call.refetch()} />
        <Link to="/">All instances</Link>
      </>
    );
  return (
    <>
      <nav className="crumbs" aria-label="Above">
        <Link to="/">Instances</Link>
        {call.data && (
          <>
            {' / '}
            <Link to={`/instances/${call.data.instance_id}/calls`}>Calls</Link>
          </>
        )}
      </nav>
      {call.data ? <CallRecord call={call.data} /> : <Loading lines={10} />}
    </>
  );
}

function CallRecord({ call }: { readonly call: Call }): ReactNode {
  const api = useApi();
  const isOver = call.state === 'ended';
  const journal = useQuery(journalQuery(api, call.call_id, isOver));
  const marks = journalMarks(journal.data ?? []);
  const failovers = marks.filter(({ kind }) => kind === 'failover' || kind === 'failure');
  const tools = marks.filter(({ kind }) => kind === 'tool');
  return (
    <>
      <div className="page-head">
        <PageTitle>{`Call from ${callerName(call.caller_phone)}`}</PageTitle>
        <Actions call={call} />
      </div>
      <Facts call={call} vendors={vendorsUsed(journal.data ?? [])} />
      <Card title="Transcript">
        {call.turns.length === 0 ? (
          <p className="hint">Nothing was said.</p>
        ) : (
          <Transcript
            turns={call.turns}
            notes={failovers.map(({ atMs, title, detail }) => ({
              atMs,
              tone: 'warn',
              text: `${title}: ${detail}`,
            }))}
          />
        )}
      </Card>
      <Card title="Where the time went">
        <WaterfallChart turns={call.turns} />
      </Card>
      <Card title="Time line">
        <CallTimeline turns={call.turns} marks={marks} durationMs={call.duration_seconds * 1_000} />
      </Card>
      <div className="columns">
        <Card title="Failovers">
          <MarkList marks={failovers} none="Every vendor did its work." />
        </Card>
        <Card title="Tools">
          <MarkList marks={tools} none="The agent used no tool." />
        </Card>
      </div>
      {isOver && <ReplayPanel callId={call.call_id} />}
      {call.provider_record && (
        <Card title={`Record of ${call.provider}`}>
          <pre>{JSON.stringify(call.provider_record, null, 2)}</pre>
        </Card>
      )}
      <Card title="Journal">
        {journal.isPending && <Loading lines={4} />}
        {journal.error && <Failure error={journal.error} onRetry={() => void journal.refetch()} />}
        {journal.data && <JournalList entries={journal.data} />}
      </Card>
    </>
  );
}

function Facts({
  call,
  vendors,
}: {
  readonly call: Call;
  readonly vendors: ReturnType<typeof vendorsUsed>;
}): ReactNode {
  const { end_reason: reason } = call;
  return (
    <dl className="facts">
      <div>
        <dt>State</dt>
        <dd>
          {reason ? (
            <Badge tone={faultyEnds.has(reason) ? 'bad' : 'calm'}>{endReasonNames[reason]}</Badge>
          ) : (
            <Badge tone="accent">{stateNames[call.state]}</Badge>
          )}
        </dd>
      </div>
      <div>
        <dt>Began</dt>
        <dd>{dateTime(call.started_at)}</dd>
      </div>
      <div>
        <dt>Length</dt>
        <dd>{clockTime(call.duration_seconds)}</dd>
      </div>
      <div>
        <dt>Provider</dt>
        <dd>{call.provider}</dd>
      </div>
      {/* Takes its room before it is known, so that nothing jumps. */}
      <div className="wide">
        <dt>Vendors at the beginning</dt>
        <dd>{vendors.map(({ role, name }) => `${role}: ${name}`).join(' · ') || '–'}</dd>
      </div>
      {call.end_detail && (
        <div className="wide">
          <dt>How it ended</dt>
          <dd>{call.end_detail}</dd>
        </div>
      )}
    </dl>
  );
}

function Actions({ call }: { readonly call: Call }): ReactNode {
  const api = useApi();
  const client = useQueryClient();
  const { go } = useRouter();
  const [error, setError] = useState<Error>();
  const erasure = useMutation({
    mutationFn: () => api.send('DELETE', `/calls/${call.call_id}`),
    onSuccess: async () => {
      go(`/instances/${call.instance_id}/calls`);
      client.removeQueries({ queryKey: ['calls', call.call_id] });
      await client.invalidateQueries({ queryKey: ['instances', call.instance_id] });
    },
  });
  const problem = error ?? erasure.error;
  return (
    <div className="row-side">
      <CopyButton label="Copy link" text={`${location.origin}/calls/${call.call_id}`} />
      <button
        type="button"
        className="quiet"
        onClick={() => void download(api, call).catch(setError)}
      >
        Download JSON
      </button>
      {call.state === 'ended' && (
        <ConfirmButton
          label="Erase"
          question="Erase this call?"
          detail="Its transcript, journal and figures are deleted for good."
          confirmLabel="Erase"
          isBusy={erasure.isPending}
          onConfirm={() => erasure.mutate()}
        />
      )}
      {problem && <Failure error={problem} />}
    </div>
  );
}

/** The record and the journal as one file. */
async function download(api: Api, call: Call): Promise<void> {
  const journal = await api.get<object>(`/calls/${call.call_id}/journal`);
  const text = JSON.stringify({ call, journal }, null, 2);
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `call-${call.call_id}.json`;
  link.click();
  URL.revokeObjectURL(url);
}

function MarkList({
  marks,
  none,
}: {
  readonly marks: ReturnType<typeof journalMarks>;
  readonly none: string;
}): ReactNode {
  if (marks.length === 0) return <p className="hint">{none}</p>;
  return (
    <ul className="marks">
      {marks.map((mark, at) => (
        // oxlint-disable-next-line react/no-array-index-key -- the list of an ended call never changes
        <li key={at}>
          <span className="at">{clockTime(mark.atMs / 1_000)}</span> <strong>{mark.title}</strong>
          {mark.detail !== '' && <code className="long">{mark.detail}</code>}
        </li>
      ))}
    </ul>
  );
}
