import { channelListSchema } from '#protocol/channels.ts';
import type { ChannelRow } from '#protocol/channels.ts';
import type { Channel } from '#store/store.ts';
import type { ApiParts } from './parts.ts';
import { requireInstance, security } from './route.ts';
import type { Api } from './route.ts';
import { instanceParams } from './validation.ts';

/** The channels of an instance, in HydraCore's shape. There is one kind here: voice. */
export function registerChannels(api: Api, { store }: ApiParts): void {
  api.get(
    '/instances/:instance_id/channels',
    {
      config: { access: { scope: 'instances:read' } },
      schema: {
        tags: ['Channels'],
        security,
        summary: 'List Channels',
        description: 'The channels of an instance, and what each still needs.',
        params: instanceParams,
        response: { 200: channelListSchema },
      },
    },
    async ({ principal, params }) => {
      await requireInstance(store, principal.tenantId, params.instance_id);
      const channel = await store.channels.get(principal.tenantId, params.instance_id);
      const channels = channel ? [channelRow(channel)] : [];
      return { channels, count: channels.length };
    },
  );
}

const channelRow = (channel: Channel): ChannelRow => ({
  id: channel.id,
  instance_id: channel.instanceId,
  channel_type: 'voice',
  provider: channel.provider,
  external_identifier: channel.phoneNumber ?? channel.twilioPhoneNumber,
  enabled: channel.enabled,
  status: channel.status,
  config: {
    agent_id: channel.agentId,
    phone_number: channel.phoneNumber,
    twilio_account_sid: channel.twilioAccountSid,
    twilio_phone_number: channel.twilioPhoneNumber,
    secrets_set: [...channel.secretsSet],
  },
  connection_id: null,
  error_message: channel.errorMessage,
  last_event_at: channel.lastEventAt?.toISOString() ?? null,
  created_at: channel.createdAt.toISOString(),
  updated_at: channel.updatedAt.toISOString(),
});
