import { useEffect, useReducer, useState } from 'react';
import type { Call } from '#protocol/calls.ts';
import type { LiveEvent } from '#protocol/events.ts';
import type { ActiveCall } from '#protocol/voice-channel.ts';
import type { Api, ApiError } from './api.ts';
import { followEvents } from './event-stream.ts';
import type { StreamState } from './event-stream.ts';
import { nextLiveCalls } from './live-calls.ts';
import type { LiveCalls } from './live-calls.ts';

/** Events are shown together this often: hundreds of calls speak at once, and nobody reads faster. */
const SHOW_EVERY_MS = 80;
/** A call that another node carries sends no events here; the list tells of its beginning and end. */
const LIST_EVERY_MS = 10_000;
/** As many records are read at once when the page opens. */
const RECORDS_AT_ONCE = 4;

export type LiveView = {
  readonly calls: LiveCalls;
  readonly stream: StreamState;
  readonly error: ApiError | undefined;
  /** Whether the calls that are live have been told once. */
  readonly isListed: boolean;
};

const NONE: LiveCalls = new Map();

/** The live calls of an instance, as they happen, for as long as the page is open. */
export function useLiveCalls(api: Api, instanceId: string): LiveView {
  const [calls, change] = useReducer(nextLiveCalls, NONE);
  const [stream, setStream] = useState<StreamState>('connecting');
  const [error, setError] = useState<ApiError>();
  const [isListed, setListed] = useState(false);

  useEffect(() => {
    const stopping = new AbortController();
    const { signal } = stopping;
    let waiting: LiveEvent[] = [];
    let showTimer: ReturnType<typeof setTimeout> | undefined;
    const show = (): void => {
      showTimer = undefined;
      const events = waiting;
      waiting = [];
      change({ type: 'events', events, nowMs: Date.now() });
    };
    let known: ReadonlySet<string> = new Set();
    const list = async (isAnew: boolean): Promise<void> => {
      const askedAtMs = Date.now();
      const except = isAnew ? new Set<string>() : known;
      const live = await readLive(api, instanceId, except, signal).catch(() => undefined);
      if (signal.aborted || !live) return;
      known = live.liveIds;
      change({ type: 'listed', ...live, askedAtMs });
      setListed(true);
    };
    void followEvents({
      api,
      path: `/instances/${instanceId}/events`,
      signal,
      onState(state, problem) {
        if (signal.aborted) return;
        setStream(state);
        setError(problem);
        // What happened while nobody listened stands in the records.
        if (state === 'open') void list(true);
      },
      onEvent(event) {
        waiting.push(event);
        showTimer ??= setTimeout(show, SHOW_EVERY_MS);
      },
    });
    const listTimer = setInterval(() => void list(false), LIST_EVERY_MS);
    return () => {
      stopping.abort();
      clearTimeout(showTimer);
      clearInterval(listTimer);
    };
  }, [api, instanceId]);

  return { calls, stream, error, isListed };
}

/** The live calls, and the records of those but `except`: what was said before they were followed. */
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
