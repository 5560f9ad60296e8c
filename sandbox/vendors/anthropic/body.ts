import { z } from 'zod';

const cacheControl = z
  .strictObject({ type: z.literal('ephemeral'), ttl: z.enum(['5m', '1h']).optional() })
  .nullable()
  .optional();

const textBlock = z.strictObject({
  type: z.literal('text'),
  text: z.string(),
  cache_control: cacheControl,
  citations: z.array(z.unknown()).nullable().optional(),
});

const toolId = z.string().regex(/^[a-zA-Z0-9_-]+$/);
/** The service goes by these names for a tool; see the pattern in its error. */
const toolName = z.string().regex(/^[a-zA-Z0-9_-]{1,128}$/);

const toolUseBlock = z.strictObject({
  type: z.literal('tool_use'),
  id: toolId,
  name: toolName,
  input: z.record(z.string(), z.unknown()),
  cache_control: cacheControl,
  caller: z.unknown().optional(),
});

const toolResultBlock = z.strictObject({
  type: z.literal('tool_result'),
  tool_use_id: toolId,
  content: z.union([z.string(), z.array(textBlock)]).optional(),
  is_error: z.boolean().optional(),
  cache_control: cacheControl,
});

const thinkingBlock = z.strictObject({
  type: z.literal('thinking'),
  thinking: z.string(),
  signature: z.string(),
});

export const messageSchema = z.discriminatedUnion('role', [
  z.strictObject({
    role: z.literal('user'),
    content: z.union([
      z.string(),
      z.array(z.discriminatedUnion('type', [textBlock, toolResultBlock])),
    ]),
  }),
  z.strictObject({
    role: z.literal('assistant'),
    content: z.union([
      z.string(),
      z.array(z.discriminatedUnion('type', [textBlock, toolUseBlock, thinkingBlock])),
    ]),
  }),
]);

const tool = z.strictObject({
  type: z.literal('custom').nullable().optional(),
  name: toolName,
  description: z.string().optional(),
  input_schema: z.looseObject({ type: z.literal('object') }),
  cache_control: cacheControl,
  eager_input_streaming: z.boolean().nullable().optional(),
  strict: z.boolean().optional(),
});

const disableParallel = { disable_parallel_tool_use: z.boolean().optional() };

/** The body of `POST /v1/messages` in the version of October 2026, as far as the sandbox plays it. */
export const bodySchema = z.strictObject({
  model: z.string().min(1),
  max_tokens: z.number().int().min(0),
  messages: z.array(messageSchema).min(1),
  system: z.union([z.string(), z.array(textBlock)]).optional(),
  tools: z.array(tool).optional(),
  tool_choice: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('auto'), ...disableParallel }),
      z.strictObject({ type: z.literal('any'), ...disableParallel }),
      z.strictObject({ type: z.literal('tool'), name: z.string(), ...disableParallel }),
      z.strictObject({ type: z.literal('none') }),
    ])
    .optional(),
  stream: z.boolean().optional(),
  stop_sequences: z.array(z.string().min(1)).optional(),
  metadata: z.strictObject({ user_id: z.string().max(256).nullable().optional() }).optional(),
  service_tier: z.enum(['auto', 'standard_only']).optional(),
  speed: z.enum(['standard', 'fast']).nullable().optional(),
  cache_control: cacheControl,
  output_config: z
    .strictObject({
      effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).nullable().optional(),
    })
    .optional(),
  thinking: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('disabled') }),
      z.strictObject({ type: z.literal('between_tools') }),
      z.strictObject({
        type: z.literal('adaptive'),
        display: z.enum(['summarized', 'omitted']).nullable().optional(),
      }),
      z.strictObject({
        type: z.literal('enabled'),
        budget_tokens: z.number().int().min(1_024),
        display: z.enum(['summarized', 'omitted']).nullable().optional(),
      }),
    ])
    .optional(),
});

export type MessagesBody = z.infer<typeof bodySchema>;
export type Message = MessagesBody['messages'][number];

/** What was taken until the version of October 2026, and is refused from then on. */
export const samplingSchema = {
  temperature: z.number().min(0).max(1).optional(),
  top_p: z.number().min(0).max(1).optional(),
  top_k: z.number().int().min(0).optional(),
} as const;
