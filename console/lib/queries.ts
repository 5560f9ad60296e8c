import { queryOptions } from '@tanstack/react-query';
import type { Call, CallPage, CallSummary, Journal } from '#protocol/calls.ts';
import type { ChannelRow } from '#protocol/channels.ts';
import type { InstanceRow } from '#protocol/instances.ts';
import type { VoiceStatus } from '#protocol/voice-channel.ts';
import type { Api } from './api.ts';

const LIVE_REFRESH_MS = 5_000;
const PAGE_CALLS = 200;
/** More calls than these are not counted; the page says so. */
export const COUNTED_CALLS_MAX = 1_000;

export const instancesQuery = (api: Api) =>
  queryOptions({
    queryKey: ['instances'],
    queryFn: async ({ signal }) =>
      (await api.get<{ readonly instances: readonly InstanceRow[] }>('/instances', signal))
        .instances,
  });

export const instanceQuery = (api: Api, instanceId: string) =>
  queryOptions({
    queryKey: ['instances', instanceId],
    queryFn: ({ signal }) => api.get<InstanceRow>(`/instances/${instanceId}`, signal),
  });

export const voiceStatusQuery = (api: Api, instanceId: string) =>
  queryOptions({
    queryKey: ['instances', instanceId, 'voice'],
    queryFn: ({ signal }) =>
      api.get<VoiceStatus>(`/instances/${instanceId}/channels/voice`, signal),
    refetchInterval: LIVE_REFRESH_MS,
  });

/** Null: the instance has none. */
export const channelQuery = (api: Api, instanceId: string) =>
  queryOptions({
    queryKey: ['instances', instanceId, 'channel'],
    queryFn: async ({ signal }) => {
      const { channels } = await api.get<{ readonly channels: readonly ChannelRow[] }>(
        `/instances/${instanceId}/channels`,
        signal,
      );
      return channels[0] ?? null;
    },
  });

/** An ended call changes no more, but what its provider adds in the minutes after. */
export const callQuery = (api: Api, callId: string) =>
  queryOptions({
    queryKey: ['calls', callId],
    queryFn: ({ signal }) => api.get<Call>(`/calls/${callId}`, signal),
    refetchInterval: ({ state }) => (state.data?.state === 'ended' ? false : 2_000),
    staleTime: ({ state }) => (state.data?.state === 'ended' ? 300_000 : 0),
  });

export const journalQuery = (api: Api, callId: string, isOver: boolean) =>
  queryOptions({
    queryKey: ['calls', callId, 'journal', isOver],
    queryFn: async ({ signal }) =>
      (await api.get<Journal>(`/calls/${callId}/journal`, signal)).entries,
    staleTime: isOver ? Infinity : 0,
  });

/** The newest calls since a moment, at most `COUNTED_CALLS_MAX`. */
export const recentCallsQuery = (api: Api, instanceId: string, sinceIso: string) =>
  queryOptions({
    queryKey: ['instances', instanceId, 'recent', sinceIso],
    refetchInterval: 30_000,
    queryFn: async ({ signal }) => {
      const calls: CallSummary[] = [];
      let cursor: string | null = null;
      do {
        const query = new URLSearchParams({ limit: String(PAGE_CALLS), started_after: sinceIso });
        if (cursor !== null) query.set('cursor', cursor);
        const page: CallPage = await api.get(`/instances/${instanceId}/calls?${query}`, signal);
        calls.push(...page.calls);
        cursor = page.next_cursor;
      } while (cursor !== null && calls.length < COUNTED_CALLS_MAX);
      return { calls, isCut: cursor !== null };
    },
  });
