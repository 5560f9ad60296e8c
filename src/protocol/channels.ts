import { z } from 'zod';
import { channelStatuses, providerNames, secretFields } from './voice-channel.ts';

/** One channel of an instance, in the shape of HydraCore's channel list. */
export const channelSchema = z
  .object({
    id: z.string(),
    instance_id: z.string(),
    channel_type: z.literal('voice'),
    provider: z.enum(providerNames),
    /** The number that callers dial. */
    external_identifier: z.string().nullable(),
    enabled: z.boolean(),
    status: z.enum(channelStatuses),
    /** What is set, without secrets: of those only which are stored. */
    config: z.object({
      agent_id: z.string().nullable(),
      phone_number: z.string().nullable(),
      twilio_account_sid: z.string().nullable(),
      twilio_phone_number: z.string().nullable(),
      secrets_set: z.array(z.enum(secretFields)),
    }),
    connection_id: z.null(),
    error_message: z.string().nullable(),
    last_event_at: z.string().nullable(),
    created_at: z.string(),
    updated_at: z.string(),
  })
  .meta({ id: 'Channel', title: 'Channel' });
export type ChannelRow = z.infer<typeof channelSchema>;

export const channelListSchema = z
  .object({
    channels: z.array(channelSchema),
    count: z.number().int(),
  })
  .meta({ id: 'ChannelList', title: 'ChannelList' });
