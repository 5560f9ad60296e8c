import { z } from 'zod';

const nullish = <T extends z.ZodType>(schema: T): z.ZodOptional<z.ZodNullable<T>> =>
  schema.nullable().optional();
const flag = nullish(z.boolean());
const text = z.string().max(10_485_760);

const inputPart = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('input_text'), text }),
]);
const outputPart = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('output_text'),
    text,
    annotations: z.array(z.unknown()).optional(),
    logprobs: z.array(z.unknown()).optional(),
  }),
  z.strictObject({ type: z.literal('refusal'), refusal: text }),
]);
const itemStatus = z.enum(['in_progress', 'completed', 'incomplete']).optional();

/** The kinds of items that `input` may hold. */
export const itemSchemas = {
  'message by the user': z.strictObject({
    type: z.literal('message').optional(),
    id: z.string().optional(),
    status: itemStatus,
    role: z.enum(['user', 'system', 'developer']),
    content: z.union([text, z.array(inputPart)]),
  }),
  'message by the model': z.strictObject({
    type: z.literal('message').optional(),
    id: z.string().optional(),
    status: itemStatus,
    role: z.literal('assistant'),
    phase: nullish(z.string()),
    content: z.union([text, z.array(outputPart)]),
  }),
  function_call: z.strictObject({
    type: z.literal('function_call'),
    id: z.string().regex(/^fc/).optional(),
    call_id: z.string().min(1).max(64),
    name: z.string().min(1).max(128),
    arguments: text,
    status: itemStatus,
  }),
  function_call_output: z.strictObject({
    type: z.literal('function_call_output'),
    id: nullish(z.string()),
    call_id: z.string().min(1).max(64),
    output: z.union([text, z.array(inputPart)]),
    status: itemStatus,
  }),
} as const;

const functionTool = z.strictObject({
  type: z.literal('function'),
  name: z.string().min(1).max(128),
  description: nullish(z.string()),
  parameters: nullish(z.record(z.string(), z.unknown())),
  strict: flag,
});

/** The body of `POST /v1/responses`; items of `input` are checked one by one, by `itemSchemas`. */
export const bodySchema = z.strictObject({
  model: z.string(),
  input: z.union([text, z.array(z.unknown())]),
  instructions: nullish(text),
  tools: z.array(functionTool).optional(),
  tool_choice: z
    .union([
      z.enum(['none', 'auto', 'required']),
      z.strictObject({ type: z.literal('function'), name: z.string() }),
    ])
    .optional(),
  parallel_tool_calls: flag,
  max_output_tokens: nullish(z.number().int().min(16)),
  max_tool_calls: nullish(z.number().int().min(1)),
  temperature: nullish(z.number().min(0).max(2)),
  top_p: nullish(z.number().min(0).max(1)),
  top_logprobs: nullish(z.number().int().min(0).max(20)),
  stream: flag,
  stream_options: nullish(z.strictObject({ include_obfuscation: z.boolean().optional() })),
  store: flag,
  background: flag,
  reasoning: nullish(
    z.strictObject({
      effort: nullish(z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh'])),
      summary: nullish(z.enum(['auto', 'concise', 'detailed'])),
    }),
  ),
  text: z
    .strictObject({
      format: z.strictObject({ type: z.literal('text') }).optional(),
      verbosity: nullish(z.enum(['low', 'medium', 'high'])),
    })
    .optional(),
  metadata: nullish(z.record(z.string().max(64), z.string().max(512))),
  include: nullish(z.array(z.string())),
  service_tier: nullish(z.enum(['auto', 'default', 'flex', 'scale', 'priority', 'fast'])),
  truncation: nullish(z.enum(['auto', 'disabled'])),
  previous_response_id: nullish(z.string()),
  prompt_cache_key: nullish(z.string()),
  prompt_cache_retention: nullish(z.enum(['in_memory', '24h'])),
  safety_identifier: nullish(z.string().max(64)),
  user: z.string().optional(),
});

export type ResponsesBody = z.infer<typeof bodySchema>;
