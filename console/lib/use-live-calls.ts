import { useEffect, useReducer, useRef, useState } from 'react';
import type { Call } from '#protocol/calls.ts';
import type { ActiveCall } from '#protocol/voice-channel.ts';
import type { Api, ApiError } from './api.ts';
import { followEvents } from './event-stream.ts';
import type { StreamState } from './event-stream.ts';
import { nextLiveCalls } from './live-calls.ts';
import type { CallEvent, LiveCalls } from './live-calls.ts';

/** Events are shown together this often: hundreds of calls speak at once, and nobody reads faster. */
const SHOW_EVERY_MS = 80;
/** A call that another node carries sends no events here; the list tells of its beginning and end. */
const LIST_EVERY_MS = 10_000;
/** As many records of other nodes' calls are read at once. */
const RECORDS_AT_ONCE = 4;

export type LiveView = {
  readonly calls: LiveCalls;
  readonly stream: StreamState;
  readonly error: ApiError | undefined;
  /** Whether what is stored has been told once. */
  readonly isListed: boolean;
};

const NONE: LiveCalls = new Map();

/** The live calls of an instance, as they happen, for as long as the page is open. */
export function useLiveCalls(
  api: Api,
  instanceId: string,
  /** Whether to be told how loud the voices are. */
  { levels }: { readonly levels: boolean } = { levels: false },
): LiveView {
  const [calls, change] = useReducer(nextLiveCalls, NONE);
  const shown = useRef(calls);
  useEffect(() => {
    shown.current = calls;
  }, [calls]);
  const [stream, setStream] = useState<StreamState>('connecting');
  const [error, setError] = useState<ApiError>();
  const [isListed, setListed] = useState(false);

  useEffect(() => {
    const stopping = new AbortController();
    const { signal } = stopping;
    let waiting: CallEvent[] = [];
    /** Of what is stored, as much as was told by now; undefined: it is not being told. */
    let stored: Call[] | undefined;
    let showTimer: ReturnType<typeof setTimeout> | undefined;
    const show = (): void => {
      clearTimeout(showTimer);
      showTimer = undefined;
      const events = waiting;
      waiting = [];
      if (events.length > 0) change({ type: 'events', events, nowMs: Date.now() });
    };
    const list = async (): Promise<void> => {
      const askedAtMs = Date.now();
      const known = new Set(shown.current.keys());
      const live = await readLive(api, instanceId, known, signal).catch(() => undefined);
      if (signal.aborted || !live) return;
      show();
      change({ type: 'listed', ...live, askedAtMs });
    };
    void followEvents({
      api,
      path: `/instances/${instanceId}/events`,
      levels,
      signal,
      onState(state, problem) {
        if (signal.aborted) return;
        stored = undefined;
        setStream(state);
        setError(problem);
      },
      onEvent(event) {
        if (event.type === 'reset') stored = [];
        else if (event.type === 'call') stored?.push(event.call);
        else if (event.type === 'current') {
          show();
          change({ type: 'stored', records: stored ?? [], nowMs: Date.now() });
          stored = undefined;
          setListed(true);
        } else {
          waiting.push(event);
          showTimer ??= setTimeout(show, SHOW_EVERY_MS);
        }
      },
    });
    const listTimer = setInterval(() => void list(), LIST_EVERY_MS);
    return () => {
      stopping.abort();
      clearTimeout(showTimer);
      clearInterval(listTimer);
    };
  }, [api, instanceId, levels]);

  return { calls, stream, error, isListed };
}

/** The live calls of all nodes, and the records of those but `except`, which no event told of. */
async function readLive(
  api: Api,
  instanceId: string,
  except: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<{ readonly liveIds: ReadonlySet<string>; readonly records: readonly Call[] }> {
  const path = `/instances/${instanceId}/channels/voice/calls`;
  const listed = await api.get<readonly ActiveCall[]>(path, signal);
  const left = listed.filter((call) => !except.has(call.call_id));
  const records: Call[] = [];
  const read = async (): Promise<void> => {
    for (let next = left.pop(); next; next = left.pop())
      // One that ends at this moment may be erased.
      await api.get<Call>(`/calls/${next.call_id}`, signal).then(
        (record) => records.push(record),
        () => undefined,
      );
  };
  await Promise.all(Array.from({ length: RECORDS_AT_ONCE }, read));
  return { liveIds: new Set(listed.map((call) => call.call_id)), records };
}
