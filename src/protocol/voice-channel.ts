import { z } from 'zod';

export const providerNames = ['retell', 'pipecat'] as const;
export type ProviderName = (typeof providerNames)[number];

/** Fields of `SetupVoice` that hold a secret: stored encrypted, never answered, never logged. */
export const secretFields = [
  'api_key',
  'webhook_secret',
  'twilio_auth_token',
  'deepgram_api_key',
  'openai_api_key',
  'google_api_key',
  'anthropic_api_key',
  'cartesia_api_key',
  'elevenlabs_api_key',
] as const;
export type SecretField = (typeof secretFields)[number];

export const channelStatuses = [
  'not_configured',
  'incomplete',
  'pending',
  'active',
  'degraded',
  'error',
] as const;
export type ChannelStatus = (typeof channelStatuses)[number];

export const callStates = [
  'ringing',
  'greeting',
  'listening',
  'thinking',
  'speaking',
  'transferring',
  'ending',
] as const;
export type CallState = (typeof callStates)[number];

/** Answer of `GET` and `POST …/channels/voice`. Before the first setup the nullable fields are null. */
export const voiceStatusSchema = z
  .object({
    active_calls: z.number().int(),
    enabled: z.boolean(),
    phone_number: z.string().nullable(),
    provider: z.string().nullable(),
    status: z.enum(channelStatuses),
    webhook_url: z.string().nullable(),
  })
  .meta({
    id: 'VoiceStatus',
    title: 'VoiceStatus',
    examples: [
      {
        active_calls: 1,
        enabled: true,
        phone_number: '+14155550123',
        provider: 'pipecat',
        status: 'active',
        webhook_url:
          'https://voice.example.com/hooks/voice/3f1c6f3e-8a4e-4a65-9f0e-2a3f3d3b7c11/twiml',
      },
    ],
  });
export type VoiceStatus = z.infer<typeof voiceStatusSchema>;

export const activeCallSchema = z
  .object({
    call_id: z.string(),
    caller_phone: z.string(),
    duration_seconds: z.number().int(),
    state: z.enum(callStates),
    transcript_turns: z.number().int(),
  })
  .meta({
    id: 'ActiveCall',
    title: 'ActiveCall',
    examples: [
      {
        call_id: '9b2f6d1e-54a1-4f0c-8f5c-6c2f0b1f4e77',
        caller_phone: '+14155550199',
        duration_seconds: 42,
        state: 'speaking',
        transcript_turns: 5,
      },
    ],
  });
export type ActiveCall = z.infer<typeof activeCallSchema>;
