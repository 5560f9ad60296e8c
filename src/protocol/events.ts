import { z } from 'zod';
import { endReasons, turnSchema } from './calls.ts';
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
