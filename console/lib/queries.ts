import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { Call, Journal } from '#protocol/calls.ts';
import type { CallsSummary } from '#protocol/calls-summary.ts';
import type { ReplayBasis } from '#protocol/replay.ts';
import type { ChannelRow } from '#protocol/channels.ts';
import type { InstanceRow } from '#protocol/instances.ts';
import type { VoiceStatus } from '#protocol/voice-channel.ts';
import type { Api } from './api.ts';

const LIVE_REFRESH_MS = 5_000;
const SUMMARY_REFRESH_MS_MIN = 30_000;
/** The longer the time, the more the server has to read, and the less a minute changes. */
const SUMMARY_REFRESHES_PER_BAR = 60;

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

/** Whether an ended call can be replayed, and with what. It stays as it is, and so does the program. */
export const replayQuery = (api: Api, callId: string) =>
  queryOptions({
    queryKey: ['calls', callId, 'replay'],
    queryFn: ({ signal }) => api.get<ReplayBasis>(`/calls/${callId}/replay`, signal),
    staleTime: Infinity,
  });

/** What an instance's calls of a time come to. Until it is there, what was shown before stays. */
export const callsSummaryQuery = (
  api: Api,
  instanceId: string,
  times: { readonly fromMs: number; readonly toMs: number; readonly barMs: number },
) =>
  queryOptions({
    queryKey: ['instances', instanceId, 'summary', times.fromMs, times.barMs],
    refetchInterval: Math.max(SUMMARY_REFRESH_MS_MIN, times.barMs / SUMMARY_REFRESHES_PER_BAR),
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => {
      const query = new URLSearchParams({
        started_after: new Date(times.fromMs).toISOString(),
        started_before: new Date(times.toMs).toISOString(),
        interval_seconds: String(times.barMs / 1_000),
      });
      return api.get<CallsSummary>(`/instances/${instanceId}/calls/summary?${query}`, signal);
    },
  });
