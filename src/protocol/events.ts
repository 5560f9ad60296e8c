import { z } from 'zod';
import { callSchema, endReasons, turnSchema } from './calls.ts';
import { callStates } from './voice-channel.ts';

/** What the owner of an instance sees of a call while it happens. `at_ms` counts from the answer. */
const at = { call_id: z.string(), at_ms: z.number() };

export const liveEventSchema = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('call-started'), ...at, caller_phone: z.string() }),
    z.object({ type: z.literal('state'), ...at, state: z.enum(callStates) }),
    z.object({ type: z.literal('caller-speaking'), ...at, speaking: z.boolean() }),
    /** Everything heard in the caller's turn so far; may still change. */
    z.object({ type: z.literal('caller-interim'), ...at, text: z.string() }),
    /** The next piece of what the agent sets out to say. */
    z.object({ type: z.literal('agent-text'), ...at, text: z.string() }),
    /** The caller's voice stopped the agent's. `resumed` follows if it was a false alarm. */
    z.object({ type: z.literal('interrupted'), ...at, heard: z.string(), unheard: z.string() }),
    z.object({ type: z.literal('resumed'), ...at }),
    /** The agent uses a tool. */
    z.object({ type: z.literal('tool'), ...at, name: z.string(), arguments: z.string() }),
    /** It gave its result, good or bad, or was called off. What the result was stands in the journal. */
    z.object({
      type: z.literal('tool-result'),
      ...at,
      name: z.string(),
      outcome: z.enum(['done', 'cancelled']),
      duration_ms: z.number(),
      result_chars: z.number().int(),
    }),
    z.object({ type: z.literal('turn'), ...at, turn: turnSchema }),
    z.object({
      type: z.literal('vendor-failed'),
      ...at,
      vendor: z.string(),
      message: z.string(),
      /** The vendor that goes on in its place; absent: there is none, and the call ends. */
      switched_to: z.string().optional(),
    }),
    z.object({
      type: z.literal('call-ended'),
      ...at,
      reason: z.enum(endReasons),
      detail: z.string().nullable(),
    }),
  ])
  .meta({ id: 'LiveEvent', title: 'LiveEvent' });
export type LiveEvent = z.infer<typeof liveEventSchema>;

/** How loud both sides of a call are, as decibels below the loudest that can be told, of the last quarter of a second. */
export const voiceLevelsSchema = z.object({
  call_id: z.string(),
  /** Root mean square in dBFS, a whole number; -60 is no sound. */
  caller_dbfs: z.number().int(),
  agent_dbfs: z.number().int(),
});
export type VoiceLevels = z.infer<typeof voiceLevelsSchema>;

/** What a stream says besides: where its reader stands, and what is of the moment alone. */
export const streamEventSchema = z
  .discriminatedUnion('type', [
    ...liveEventSchema.options,
    /**
     * What the reader has is void, because what came after its last event is not known here any
     * more. `call` events follow with what is stored, and then `current`.
     */
    z.object({
      type: z.literal('reset'),
      /** Calls that ended then or later are among them; null: only live ones are. */
      ended_since: z.string().nullable(),
    }),
    /** A call as it is stored, without what its provider has on record. */
    z.object({
      type: z.literal('call'),
      call_id: z.string(),
      call: callSchema.omit({ provider_record: true }),
    }),
    /** All has been told; from here on it goes on as it happens. */
    z.object({ type: z.literal('current') }),
    /** At most four a second; calls whose levels are as before are left out. */
    z.object({ type: z.literal('levels'), calls: z.array(voiceLevelsSchema) }),
  ])
  .meta({ id: 'StreamEvent', title: 'StreamEvent' });
export type StreamEvent = z.infer<typeof streamEventSchema>;

export const eventsQuerySchema = z.strictObject({
  /** As the header `Last-Event-ID`, for a reader that cannot send one. The header comes first. */
  last_event_id: z.string().max(200).optional(),
  /** Whether to tell the levels of both voices as well. */
  levels: z.enum(['true', 'false']).default('false'),
});
