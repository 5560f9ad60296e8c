import { z } from 'zod';
import { callStates, providerNames } from './voice-channel.ts';

/** Why a call ended. */
export const endReasons = [
  'caller_hangup',
  'agent_hangup',
  'api_hangup',
  'transferred',
  'max_duration',
  'silence',
  'vendor_failure',
  'internal_error',
  'transport_lost',
  'channel_removed',
  'shutdown',
  'node_lost',
  'not_answered',
] as const;
export type EndReason = (typeof endReasons)[number];

/** Where the milliseconds of an agent's turn went. Each counts from the end of the caller's speech; absent: did not happen. */
export const waterfallSchema = z.object({
  end_decided: z.number().optional(),
  first_token: z.number().optional(),
  first_clause: z.number().optional(),
  first_audio: z.number().optional(),
  played: z.number().optional(),
});
export type Waterfall = z.infer<typeof waterfallSchema>;

export const turnSchema = z
  .object({
    /** Counts from 0 within the call, callers and agents together. */
    index: z.number().int(),
    role: z.enum(['caller', 'agent']),
    /** What was said, or for an agent: what it set out to say. */
    text: z.string(),
    /** For an agent the words whose audio was played to the end; for a caller the same as `text`. */
    heard: z.string(),
    interrupted: z.boolean(),
    /** Milliseconds since the call was answered. */
    start_ms: z.number(),
    end_ms: z.number(),
    waterfall_ms: waterfallSchema,
  })
  .meta({ id: 'Turn', title: 'Turn' });
export type Turn = z.infer<typeof turnSchema>;

export const callSchema = z
  .object({
    call_id: z.string(),
    instance_id: z.string(),
    provider: z.string(),
    caller_phone: z.string(),
    state: z.enum([...callStates, 'ended']),
    started_at: z.string(),
    ended_at: z.string().nullable(),
    end_reason: z.enum(endReasons).nullable(),
    /** A sentence on how it ended, where there is more to say than the reason. */
    end_detail: z.string().nullable(),
    duration_seconds: z.number().int(),
    turns: z.array(turnSchema),
    /**
     * What the provider has on record of a call that it carried itself, in its own words, once the
     * call is over. Retell's: `call_cost` in US cents, `recording_url`, `latency` in ms,
     * `disconnection_reason`, `call_analysis`, `llm_token_usage`, `transcript_object`, …
     */
    provider_record: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: 'Call', title: 'Call' });
export type Call = z.infer<typeof callSchema>;

/** A call in a list: without what was said in it. */
export const callSummarySchema = callSchema
  .omit({ turns: true, provider_record: true })
  .extend({ turn_count: z.number().int() })
  .meta({ id: 'CallSummary', title: 'CallSummary' });
export type CallSummary = z.infer<typeof callSummarySchema>;

export const callPageSchema = z
  .object({
    /** Newest first. */
    calls: z.array(callSummarySchema),
    /** Give it as `cursor` for the calls before these; null: there are none. */
    next_cursor: z.string().nullable(),
  })
  .meta({ id: 'CallPage', title: 'CallPage' });
export type CallPage = z.infer<typeof callPageSchema>;

export const callQuerySchema = z.strictObject({
  state: z.enum(['live', 'ended']).optional(),
  end_reason: z.enum(endReasons).optional(),
  provider: z.enum(providerNames).optional(),
  /** RFC 3339, with a time zone: calls that began then or later. */
  started_after: z.iso.datetime({ offset: true }).optional(),
  /** Calls that began before. */
  started_before: z.iso.datetime({ offset: true }).optional(),
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export type CallQuery = z.infer<typeof callQuerySchema>;

export const saySchema = z
  .strictObject({
    /** Spoken word for word, as soon as neither side speaks. */
    text: z
      .string()
      .trim()
      .min(1)
      .max(1_000)
      .meta({ examples: ['The kitchen closes in ten minutes.'] }),
  })
  .meta({ id: 'Say', title: 'Say' });

/**
 * What happened in a call, as the conversation took it: a head with version, code and policy, then
 * inputs, each with what was done about it. docs/replay.md has the entries.
 */
export const journalSchema = z
  .object({
    call_id: z.string(),
    entries: z.array(z.looseObject({ atMs: z.number() })),
  })
  .meta({ id: 'Journal', title: 'Journal' });
export type Journal = z.infer<typeof journalSchema>;
