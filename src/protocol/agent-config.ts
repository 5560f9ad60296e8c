import { z } from 'zod';
import { agentTools, givenSecretSchema, storedSecretSchema } from './agent-tools.ts';
import { businessHoursSchema } from './business-hours.ts';

const ms = (min: number, max: number): z.ZodNumber => z.number().int().min(min).max(max);
const text = (max: number): z.ZodString => z.string().max(max);

/** When the caller's turn counts as over. Used where the recogniser does not decide it itself. */
export const endpointingSchema = z.strictObject({
  /** Silence after words that sound complete. */
  silence_ms: ms(100, 5_000).default(500),
  /** Silence after words that sound unfinished ("and", "my number is"). */
  unfinished_silence_ms: ms(100, 10_000).default(1_800),
  /** Silence after which the reply is prepared on trial, before the end is certain. */
  eager_silence_ms: ms(50, 5_000).default(150),
});

/** When the caller's voice stops the agent's. */
export const bargeInSchema = z.strictObject({
  enabled: z.boolean().default(true),
  /** How long the caller must speak before the agent pauses. */
  min_speech_ms: ms(0, 2_000).default(120),
  /** After this long without a word having been recognised, the agent goes on where it was. */
  resume_after_ms: ms(300, 10_000).default(1_500),
});

/** What happens when nobody speaks. */
export const idleSchema = z.strictObject({
  prompt_after_ms: ms(2_000, 120_000).default(10_000),
  /** Said in turn; after the last one's silence the agent says goodbye and hangs up. */
  prompts: z.array(text(500)).max(5).default(['Are you still there?']),
  goodbye: text(500).default('I will hang up now. Goodbye.'),
});

const retellSettingsSchema = z.strictObject({
  /** The voice of the agent that is made at Retell where the channel names none of its own. */
  voice_id: z.string().min(1).max(128).optional(),
  /** Given to Retell's agent with each call that comes in: what stands in its prompt as `{{name}}`. */
  dynamic_variables: z
    .record(z.string().min(1).max(64), text(1_000))
    .refine((variables) => Object.keys(variables).length <= 50, {
      error: 'at most 50 variables are possible',
    })
    .default({}),
});

const names = z.array(z.string().min(1).max(64)).max(8);
const model = z.string().min(1).max(128);

/** How the agent hears and speaks. Every field has a default, so `{}` is a working voice. */
export const voiceSettingsSchema = z.strictObject({
  /** Order of preference by vendor name; vendors without a key are passed over. */
  stt: names.optional(),
  llm: names.optional(),
  tts: names.optional(),
  /** Per vendor: which model and voice. Unknown names go to the vendor as they are. */
  vendors: z
    .record(
      z.string().min(1).max(64),
      z.strictObject({
        stt_model: model.optional(),
        llm_model: model.optional(),
        tts_model: model.optional(),
        voice: z.string().min(1).max(128).optional(),
      }),
    )
    .default({}),
  keyterms: z.array(text(100)).max(100).default([]),
  endpointing: endpointingSchema.prefault({}),
  barge_in: bargeInSchema.prefault({}),
  idle: idleSchema.prefault({}),
  /** Prepare the reply before the end of the caller's turn is certain. */
  speculation: z.boolean().default(true),
  greeting_interruptible: z.boolean().default(true),
  max_call_seconds: z.number().int().min(30).max(14_400).default(1_800),
  /** Said when the agent is due to speak and nothing has come for this long. */
  dead_air_ms: ms(1_000, 30_000).default(4_000),
  /** A language model that has said nothing for this long gets a rival: the next one is asked, too, and the first to answer speaks. */
  hedge_ms: ms(100, 10_000).default(1_200),
  /** Said once when a tool takes more than a second and the agent is silent; empty: nothing. */
  tool_filler: text(200).default('One moment, I am looking that up.'),
  max_output_tokens: z.number().int().min(16).max(4_096).default(512),
  /** When calls are taken; absent: always. */
  business_hours: businessHoursSchema.optional(),
  /** What only the provider `retell` makes use of. */
  retell: retellSettingsSchema.optional(),
});

const brain = {
  system_prompt: text(32_000).default('You are a helpful agent on the phone. Answer briefly.'),
  /** Spoken when the call is answered; empty: the caller speaks first. */
  greeting: text(2_000).default('Hello! How can I help you?'),
  /** BCP 47. */
  language: z
    .string()
    .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/)
    .default('en'),
  voice: voiceSettingsSchema.prefault({}),
};

/** The brain of an instance, as it is stored and answered: of its secrets only that they are set. */
export const agentConfigSchema = z.strictObject({ ...brain, ...agentTools(storedSecretSchema) });
export type AgentConfig = z.infer<typeof agentConfigSchema>;

/** The brain of an instance, as its owner gives it. */
export const givenAgentConfigSchema = z.strictObject({
  ...brain,
  ...agentTools(givenSecretSchema),
});
export type GivenAgentConfig = z.infer<typeof givenAgentConfigSchema>;

export type VoiceSettings = z.infer<typeof voiceSettingsSchema>;
