import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { ReactNode } from 'react';
import type { CallPage, CallSummary } from '#protocol/calls.ts';
import {
  callerName,
  clockTime,
  dateTime,
  endReasonNames,
  faultyEnds,
  stateNames,
} from '../lib/format.ts';
import { Link } from '../lib/router.tsx';
import { useApi } from '../lib/session.tsx';
import { Badge, Empty, Failure, Loading } from '../parts/basics.tsx';

const PAGE_CALLS = 50;

/** The calls of an instance over time, newest first. */
export function CallsPage({ instanceId }: { readonly instanceId: string }): ReactNode {
  const api = useApi();
  const [state, setState] = useState('');
  const [reason, setReason] = useState('');
  const calls = useInfiniteQuery({
    queryKey: ['instances', instanceId, 'calls', state, reason],
    queryFn: ({ pageParam, signal }) => {
      const query = new URLSearchParams({ limit: String(PAGE_CALLS) });
      if (state !== '') query.set('state', state);
      if (reason !== '') query.set('end_reason', reason);
      if (pageParam !== '') query.set('cursor', pageParam);
      return api.get<CallPage>(`/instances/${instanceId}/calls?${query}`, signal);
    },
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const all = calls.data?.pages.flatMap((page) => page.calls) ?? [];
  return (
    <section aria-labelledby="calls-heading">
      <div className="card-head">
        <h2 id="calls-heading">Calls</h2>
        <div className="filters">
          <label>
            State{' '}
            <select value={state} onChange={(event) => setState(event.target.value)}>
              <option value="">All</option>
              <option value="live">Live</option>
              <option value="ended">Ended</option>
            </select>
          </label>
          <label>
            End{' '}
            <select value={reason} onChange={(event) => setReason(event.target.value)}>
              <option value="">Any</option>
              {Object.entries(endReasonNames).map(([value, name]) => (
                <option key={value} value={value}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        </div>
      </div>
      {calls.isPending && <Loading lines={6} />}
      {calls.error && <Failure error={calls.error} onRetry={() => void calls.refetch()} />}
      {calls.data && all.length === 0 && (
        <Empty title={state + reason === '' ? 'No calls yet' : 'No call is like that'}>
          {state + reason === '' && <p>They stand here from the moment the phone rings.</p>}
        </Empty>
      )}
      {all.length > 0 && (
        <ul className="rows">
          {all.map((call) => (
            <CallLine key={call.call_id} call={call} />
          ))}
        </ul>
      )}
      {calls.hasNextPage && (
        <div className="actions centred">
          <button
            type="button"
            disabled={calls.isFetchingNextPage}
            onClick={() => void calls.fetchNextPage()}
          >
            {calls.isFetchingNextPage ? 'Loading …' : 'Older calls'}
          </button>
        </div>
      )}
    </section>
  );
}

function CallLine({ call }: { readonly call: CallSummary }): ReactNode {
  const { end_reason: reason } = call;
  return (
    <li>
      <Link to={`/calls/${call.call_id}`} className="row">
        <span className="row-main">
          <strong>{callerName(call.caller_phone)}</strong>
          <span className="hint">
            {dateTime(call.started_at)} · {clockTime(call.duration_seconds)} · {call.turn_count}{' '}
            {call.turn_count === 1 ? 'turn' : 'turns'}
          </span>
        </span>
        <span className="row-side">
          {call.state === 'ended' ? (
            <Badge tone={reason && faultyEnds.has(reason) ? 'bad' : 'calm'}>
              {reason ? endReasonNames[reason] : 'Ended'}
            </Badge>
          ) : (
            <Badge tone="accent">{stateNames[call.state]}</Badge>
          )}
        </span>
      </Link>
    </li>
  );
}
