import { z } from 'zod';

/** Names of the webhook events of a voice agent. */
export const webhookEvents = [
  'call_started',
  'call_ended',
  'call_analyzed',
  'transcript_updated',
  'transfer_started',
  'transfer_bridged',
  'transfer_cancelled',
  'transfer_ended',
] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

const between = (min: number, max: number) => z.number().min(min).max(max);
const wholeBetween = (min: number, max: number) => z.int().min(min).max(max);
const text = z.string();
const version = z.int().min(0).nullable().optional();
const webUrl = z
  .string()
  .refine((url) => url.includes('{{') || /^https?:\/\/[^/\s]+/.test(url), 'must be a valid URL');
const socketUrl = z
  .string()
  .refine(
    (url) => url.includes('{{') || /^(?:wss?|https?):\/\/[^/\s]+/.test(url),
    'must be a valid websocket URL',
  );

export const responseEngineSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('retell-llm'), llm_id: text.min(1), version }),
  z.strictObject({ type: z.literal('custom-llm'), llm_websocket_url: socketUrl }),
  z.strictObject({
    type: z.literal('conversation-flow'),
    conversation_flow_id: text.min(1),
    version,
  }),
]);
export type ResponseEngine = z.infer<typeof responseEngineSchema>;

const analysisItem = z.looseObject({ name: text.min(1), type: text.min(1) });
const language = text.regex(/^(?:multi|[a-z]{2,3}-[A-Z0-9]{2,3})$/);
const voicemailAction = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('prompt'), text }),
  z.strictObject({ type: z.literal('static_text'), text }),
  z.strictObject({ type: z.literal('hangup') }),
  z.strictObject({ type: z.literal('bridge_transfer') }),
]);

/**
 * The settings of a voice agent, with the limits that the API reference names. Unknown fields are
 * refused: whether the real API ignores them is not known, and a typing mistake is one in any case.
 */
const settings = {
  agent_name: text.nullable(),
  allow_dtmf_interruption: z.boolean(),
  allow_user_dtmf: z.boolean(),
  ambient_sound: text.nullable(),
  ambient_sound_volume: between(0, 2),
  backchannel_frequency: between(0, 1),
  backchannel_words: text.array().nullable(),
  begin_message_delay_ms: wholeBetween(0, 5_000),
  boosted_keywords: text.array().nullable(),
  call_screening_option: z.strictObject({ agent_identity: text, call_purpose: text }).nullable(),
  custom_stt_config: z
    .strictObject({
      provider: z.enum(['azure', 'deepgram', 'soniox', 'assemblyai']),
      endpointing_ms: z.int().min(0),
    })
    .nullable(),
  data_storage_retention_days: wholeBetween(1, 730).nullable(),
  data_storage_setting: z.enum(['everything', 'everything_except_pii', 'basic_attributes_only']),
  denoising_mode: z.enum([
    'no-denoise',
    'noise-cancellation',
    'noise-and-background-speech-cancellation',
  ]),
  enable_backchannel: z.boolean(),
  enable_dynamic_responsiveness: z.boolean(),
  enable_dynamic_voice_speed: z.boolean(),
  enable_expressive_mode: z.boolean(),
  end_call_after_silence_ms: z.int().min(10_000),
  expressive_emotion_tags: text.array(),
  expressive_mode_prompt: text.nullable(),
  fallback_voice_ids: text.array().nullable(),
  guardrail_config: z.strictObject({
    input_topics: text.array().nullable().optional(),
    output_topics: text.array().nullable().optional(),
  }),
  handbook_config: z.record(text, z.boolean()),
  interruption_sensitivity: between(0, 1),
  ivr_option: z
    .strictObject({
      action: z.strictObject({ type: z.literal('hangup') }),
      detection_prompt: text.nullable().optional(),
    })
    .nullable(),
  language: z.union([language, language.array().min(1)]),
  max_call_duration_ms: wholeBetween(60_000, 7_200_000),
  opt_in_signed_url: z.boolean(),
  pii_config: z.strictObject({ mode: z.literal('post_call'), categories: text.array() }),
  post_call_analysis_data: analysisItem.array().nullable(),
  post_call_analysis_model: text.nullable(),
  pronunciation_dictionary: z
    .strictObject({
      alphabet: z.enum(['ipa', 'cmu', 'pinyin', 'jyutping']),
      phoneme: text,
      word: text,
    })
    .array()
    .nullable(),
  reminder_max_count: z.int().min(0),
  reminder_trigger_ms: z.number().positive(),
  responsiveness: between(0, 1),
  ring_duration_ms: wholeBetween(5_000, 300_000),
  signed_url_expiration_ms: z.number().positive().nullable(),
  stt_mode: z.enum(['fast', 'accurate', 'custom']),
  timezone: text.nullable(),
  user_dtmf_options: z
    .strictObject({
      digit_limit: wholeBetween(1, 50).nullable().optional(),
      termination_key: text
        .regex(/^[0-9*#]$/)
        .nullable()
        .optional(),
      timeout_ms: wholeBetween(1_000, 15_000).optional(),
    })
    .nullable(),
  version_description: text.nullable(),
  version_title: text.nullable(),
  vocab_specialization: z.enum(['general', 'medical']),
  voice_emotion: text.nullable(),
  voice_model: text.nullable(),
  voice_speed: between(0.5, 2),
  voice_temperature: between(0, 2),
  voicemail_option: z
    .strictObject({ action: voicemailAction, detection_prompt: text.nullable().optional() })
    .nullable(),
  volume: between(0, 2),
  webhook_events: z.enum(webhookEvents).array().nullable(),
  webhook_timeout_ms: z.int().positive(),
  webhook_url: webUrl.nullable(),
};

const optionalSettings = z.strictObject(settings).partial().shape;

export const createAgentSchema = z.strictObject({
  ...optionalSettings,
  response_engine: responseEngineSchema,
  voice_id: text.min(1),
});
export const updateAgentSchema = createAgentSchema.partial();

/** What is stored of one version of an agent: the body of its creation with its updates merged in. */
export type AgentSettings = z.infer<typeof createAgentSchema>;
export type AgentChanges = z.infer<typeof updateAgentSchema>;

export const withChanges = (
  settings: AgentSettings,
  changes: Omit<AgentChanges, 'version_description' | 'version_title'> | undefined,
): AgentSettings => createAgentSchema.parse({ ...structuredClone(settings), ...changes });

/** `agent_override` of one call. Settings of Retell's own engines are taken and not used here. */
export const agentOverrideSchema = z.strictObject({
  agent: updateAgentSchema.omit({ version_description: true, version_title: true }).optional(),
  retell_llm: z.looseObject({}).optional(),
  conversation_flow: z.looseObject({}).optional(),
});

/** A number, `latest`, `latest_published`, or a tag. */
export const versionReferenceSchema = z.union([z.int().min(0), text.min(1)]);
