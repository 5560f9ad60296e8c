import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { ChannelRow } from '#protocol/channels.ts';
import type { ChannelStatus } from '#protocol/voice-channel.ts';
import { dateTime, statusNames, statusTones } from '../lib/format.ts';
import { voiceStatusQuery } from '../lib/queries.ts';
import { useApi } from '../lib/session.tsx';
import { Badge, Card, ConfirmButton, CopyButton, Failure, Loading } from './basics.tsx';

const MEANINGS: Readonly<Record<ChannelStatus, string>> = {
  not_configured: 'Nobody can call this agent yet.',
  incomplete: 'Stored, but something is still missing.',
  pending: 'The number is being wired; it is tried again until it works.',
  active: 'Calls are answered.',
  degraded: 'Calls are answered, but a key has stopped working: others do its work.',
  error: 'Calls are not answered.',
};

/** What the line is, why, and the ways to wire and to remove it. */
export function ChannelStatusCard({
  instanceId,
  channel,
}: {
  readonly instanceId: string;
  readonly channel: ChannelRow | null;
}): ReactNode {
  const api = useApi();
  const client = useQueryClient();
  const status = useQuery(voiceStatusQuery(api, instanceId));
  const teardown = useMutation({
    mutationFn: () => api.send('DELETE', `/instances/${instanceId}/channels/voice`),
    onSuccess: () => client.invalidateQueries({ queryKey: ['instances', instanceId] }),
  });
  const { data } = status;
  return (
    <Card
      title="Status"
      action={
        channel && (
          <ConfirmButton
            label="Remove"
            question="Remove the voice channel?"
            detail="Live calls end politely, the stored keys are erased, and the number is put back as it was found. The records of its calls stay."
            confirmLabel="Remove"
            isBusy={teardown.isPending}
            onConfirm={() => teardown.mutate()}
          />
        )
      }
    >
      {status.isPending && <Loading lines={2} />}
      {status.error && <Failure error={status.error} onRetry={() => void status.refetch()} />}
      {teardown.error && <Failure error={teardown.error} />}
      {data && (
        <>
          <p>
            <Badge tone={statusTones[data.status]}>{statusNames[data.status]}</Badge>{' '}
            {MEANINGS[data.status]}
          </p>
          {channel?.error_message && <p className="reason">{channel.error_message}</p>}
        </>
      )}
      {data?.webhook_url && (
        <div className="copy-line">
          <span className="hint">Webhook</span>
          <code className="long">{data.webhook_url}</code>
          <CopyButton text={data.webhook_url} label="Copy" />
        </div>
      )}
      {channel?.last_event_at && (
        <p className="hint">Last sign of life: {dateTime(channel.last_event_at)}</p>
      )}
    </Card>
  );
}
