import { z } from 'zod';
import { VoiceError } from '#lib/errors.ts';
import { setupVoiceSchema } from '#protocol/setup-voice.ts';
import type { SetupVoice } from '#protocol/setup-voice.ts';
import { activeCallSchema, secretFields, voiceStatusSchema } from '#protocol/voice-channel.ts';
import type { ActiveCall, SecretField, VoiceStatus } from '#protocol/voice-channel.ts';
import type { ChannelSetup } from '#providers/decisions.ts';
import { setUpChannel } from '#providers/set-up.ts';
import { tearDownChannel } from '#providers/tear-down.ts';
import type { ApiParts } from './parts.ts';
import { requireInstance, security } from './route.ts';
import type { Api } from './route.ts';
import { instanceParams, noBodyIsEmpty } from './validation.ts';

const tags = ['Voice channel'];
const url = '/instances/:instance_id/channels/voice';

/** The voice channel of an instance: status, setup, teardown, live calls. */
export function registerVoice(api: Api, parts: ApiParts): void {
  const { store } = parts;

  api.get(
    url,
    {
      config: { access: { scope: 'instances:read' } },
      schema: {
        tags,
        security,
        summary: 'Voice Status',
        description: 'Status of the voice channel and number of active calls.',
        params: instanceParams,
        response: { 200: voiceStatusSchema },
      },
    },
    async ({ principal, params }) => {
      await requireInstance(store, principal.tenantId, params.instance_id);
      return voiceStatus(parts, principal.tenantId, params.instance_id);
    },
  );

  api.post(
    url,
    {
      config: { access: { scope: 'instances:write' } },
      preValidation: noBodyIsEmpty,
      schema: {
        tags,
        security,
        summary: 'Setup Voice',
        description:
          'Configures the voice channel of an instance. A field that is absent keeps what is ' +
          'stored; an empty string or null clears it.',
        params: instanceParams,
        body: setupVoiceSchema,
        response: { 200: voiceStatusSchema },
      },
    },
    async ({ principal, params, body }) => {
      await requireInstance(store, principal.tenantId, params.instance_id);
      const channel = await setUpChannel(
        parts,
        principal.tenantId,
        params.instance_id,
        channelSetupOf(body),
      );
      if (channel.status === 'pending') parts.kickWiring();
      return voiceStatus(parts, principal.tenantId, params.instance_id);
    },
  );

  api.delete(
    url,
    {
      config: { access: { scope: 'instances:delete' } },
      schema: {
        tags,
        security,
        summary: 'Teardown Voice',
        description: 'Removes the channel and its credentials. Live calls end politely first.',
        params: instanceParams,
        response: { 204: z.undefined().meta({ description: 'The channel is gone.' }) },
      },
    },
    async ({ principal, params }, reply) => {
      await requireInstance(store, principal.tenantId, params.instance_id);
      if (!(await tearDownChannel(parts, principal.tenantId, params.instance_id)))
        throw new VoiceError('not_found', 'Voice channel not found');
      parts.kickWiring();
      return reply.code(204).send();
    },
  );

  api.get(
    `${url}/calls`,
    {
      config: { access: { scope: 'instances:read' } },
      schema: {
        tags,
        security,
        summary: 'List Active Calls',
        description: 'The live calls of this instance.',
        params: instanceParams,
        response: { 200: z.array(activeCallSchema) },
      },
    },
    async ({ principal, params }) => {
      await requireInstance(store, principal.tenantId, params.instance_id);
      return activeCalls(parts, principal.tenantId, params.instance_id);
    },
  );
}

async function voiceStatus(
  parts: ApiParts,
  tenantId: string,
  instanceId: string,
): Promise<VoiceStatus> {
  const channel = await parts.store.channels.get(tenantId, instanceId);
  const liveCount = await parts.store.calls.countLive(tenantId, instanceId);
  if (!channel)
    return {
      active_calls: liveCount,
      enabled: false,
      phone_number: null,
      provider: null,
      status: 'not_configured',
      webhook_url: null,
    };
  return {
    active_calls: liveCount,
    enabled: channel.enabled,
    phone_number: channel.phoneNumber ?? channel.twilioPhoneNumber,
    provider: channel.provider,
    status: channel.status,
    webhook_url: parts.providers[channel.provider].webhookUrl(instanceId),
  };
}

/** The stored calls, with what this node knows better about those it carries itself. */
async function activeCalls(
  parts: ApiParts,
  tenantId: string,
  instanceId: string,
): Promise<ActiveCall[]> {
  const stored = await parts.store.calls.live(tenantId, instanceId);
  const here = new Map(parts.live.list(instanceId).map((call) => [call.callId, call]));
  return stored.map((call) => {
    const newer = here.get(call.id);
    return {
      call_id: call.id,
      caller_phone: call.callerPhone,
      duration_seconds: Math.max(
        0,
        Math.floor((parts.clock.now() - call.startedAt.getTime()) / 1_000),
      ),
      state: newer?.state ?? call.state,
      transcript_turns: newer?.turnCount ?? call.turnCount,
    };
  });
}

function channelSetupOf(body: SetupVoice): ChannelSetup {
  const cleared = (text: string | null): string | null => (text === '' ? null : text);
  const secrets: Partial<Record<SecretField, string | null>> = {};
  for (const name of secretFields) {
    const value = body[name];
    if (value !== undefined) secrets[name] = cleared(value);
  }
  return {
    ...(body.provider !== undefined && { provider: body.provider }),
    ...(body.agent_id !== undefined && { agentId: cleared(body.agent_id) }),
    ...(body.phone_number !== undefined && { phoneNumber: cleared(body.phone_number) }),
    ...(body.twilio_account_sid !== undefined && {
      twilioAccountSid: cleared(body.twilio_account_sid),
    }),
    ...(body.twilio_phone_number !== undefined && {
      twilioPhoneNumber: cleared(body.twilio_phone_number),
    }),
    secrets,
  };
}
