import { z } from 'zod';

/**
 * What a customer's server may send on the custom LLM socket. Fields of the wrong type make a frame
 * worthless; fields that are not known are ignored (a guess).
 */
const text = z.string();
const flag = z.boolean().optional();
const actions = {
  no_interruption_allowed: flag,
  end_call: flag,
  transfer_number: text.nullable().optional(),
  show_transferee_as_caller: flag,
  digit_to_press: text
    .regex(/^[0-9*#]+$/)
    .nullable()
    .optional(),
};

export const configSchema = z.object({
  config: z.object({ auto_reconnect: flag, call_details: flag, transcript_with_tool_calls: flag }),
});
export const pingPongSchema = z.object({ timestamp: z.number() });
export const responseSchema = z.object({
  response_id: z.int(),
  content: text,
  content_complete: z.boolean(),
  ...actions,
});
export const interruptSchema = z.object({
  interrupt_id: z.int(),
  content: text,
  content_complete: z.boolean(),
  ...actions,
});
export const toolInvocationSchema = z.object({
  tool_call_id: text,
  name: text,
  arguments: text,
});
export const toolResultSchema = z.object({
  tool_call_id: text,
  content: text,
  successful: z.boolean().optional(),
});
export const updateAgentSchema = z.object({
  agent_config: z.object({
    responsiveness: z.number().min(0).max(1).optional(),
    interruption_sensitivity: z.number().min(0).max(1).optional(),
    reminder_trigger_ms: z.number().positive().optional(),
    reminder_max_count: z.int().min(0).optional(),
  }),
});
export const metadataSchema = z.object({ metadata: z.looseObject({}) });

/** The default of `response_type` is `response`. */
export const frameSchemas = {
  config: configSchema,
  ping_pong: pingPongSchema,
  response: responseSchema,
  agent_interrupt: interruptSchema,
  tool_call_invocation: toolInvocationSchema,
  tool_call_result: toolResultSchema,
  update_agent: updateAgentSchema,
  metadata: metadataSchema,
} as const;
