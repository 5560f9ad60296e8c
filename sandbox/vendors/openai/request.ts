import { z } from 'zod';
import { isObject, show } from '../json.ts';
import type { Brain, BrainItem } from './brain.ts';
import { invalidParameter, unknownModel } from './errors.ts';
import type { OpenAIRefusal } from './errors.ts';
import { refusalOfIssue } from './issues.ts';
import { modelRefusal, openAIModels } from './models.ts';

/** What `POST /v1/responses` asks for, checked. */
export type ResponsesRequest = {
  readonly body: ResponsesBody;
  readonly stream: boolean;
  readonly includeObfuscation: boolean;
  readonly question: Parameters<Brain>[0];
};

export type RequestResult =
  | { readonly ok: true; readonly request: ResponsesRequest }
  | { readonly ok: false; readonly refusal: OpenAIRefusal };

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

const ITEMS = {
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

const bodySchema = z.strictObject({
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

/** Checks a body as strictly as the service does, and reads what the brain needs out of it. */
export function parseResponsesRequest(json: unknown): RequestResult {
  const parsed = bodySchema.safeParse(json, { reportInput: true });
  if (!parsed.success) return refused(refusalOfIssue(parsed.error.issues[0], []));
  const body = parsed.data;
  if (!openAIModels.includes(body.model)) return refused(unknownModel(body.model));
  const wrong =
    modelRefusal({
      model: body.model,
      effort: body.reasoning?.effort ?? undefined,
      temperature: body.temperature ?? undefined,
      topP: body.top_p ?? undefined,
    }) ?? featureRefusal(body);
  if (wrong) return refused(wrong);

  const items: BrainItem[] = [];
  if (typeof body.input === 'string')
    items.push({ type: 'message', role: 'user', text: body.input });
  else {
    for (const [index, raw] of body.input.entries()) {
      const item = readItem(raw, ['input', index]);
      if ('status' in item) return refused(item);
      items.push(item);
    }
  }
  const pairing = pairingRefusal(items);
  if (pairing) return refused(pairing);

  return {
    ok: true,
    request: {
      body,
      stream: body.stream ?? false,
      includeObfuscation: body.stream_options?.include_obfuscation ?? true,
      question: {
        model: body.model,
        instructions: body.instructions ?? '',
        items,
        tools: body.tool_choice === 'none' ? [] : (body.tools ?? []).map((tool) => tool.name),
      },
    },
  };
}

const refused = (refusal: OpenAIRefusal): RequestResult => ({ ok: false, refusal });

function featureRefusal(body: ResponsesBody): OpenAIRefusal | undefined {
  if (body.previous_response_id)
    return invalidParameter(
      'previous_response_id',
      'previous_response_not_found',
      // The sandbox keeps no responses, whatever `store` says.
      `Previous response with id '${body.previous_response_id}' not found.`,
    );
  if (body.background)
    return invalidParameter('background', null, 'The sandbox does not play background responses.');
  if (body.stream_options && !body.stream)
    return invalidParameter(
      'stream_options',
      null,
      "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
    );
  for (const [index, tool] of (body.tools ?? []).entries()) {
    const wrong = toolRefusal(tool, index);
    if (wrong) return wrong;
  }
  return undefined;
}

function toolRefusal(tool: z.infer<typeof functionTool>, index: number): OpenAIRefusal | undefined {
  if (!/^[a-zA-Z0-9_-]+$/.test(tool.name))
    return invalidParameter(
      `tools[${index}].name`,
      'invalid_value',
      `Invalid 'tools[${index}].name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.`,
    );
  const schemaError = (detail: string): OpenAIRefusal =>
    invalidParameter(
      `tools[${index}].parameters`,
      'invalid_function_parameters',
      `Invalid schema for function '${tool.name}': ${detail}`,
    );
  const parameters = tool.parameters ?? { type: 'object', properties: {} };
  if (parameters['type'] !== 'object')
    return schemaError(
      `schema must be a JSON Schema of 'type: "object"', got 'type: ${JSON.stringify(parameters['type'] ?? 'None')}'.`,
    );
  if (!tool.strict) return undefined;
  if (parameters['additionalProperties'] !== false)
    return schemaError(
      "In context=(), 'additionalProperties' is required to be supplied and to be false.",
    );
  const required = Array.isArray(parameters['required'])
    ? (parameters['required'] as unknown[])
    : [];
  const missing = Object.keys(
    isObject(parameters['properties']) ? parameters['properties'] : {},
  ).find((name) => !required.includes(name));
  return missing === undefined
    ? undefined
    : schemaError(
        `In context=(), 'required' is required to be supplied and to be an array including every key in properties. Missing '${missing}'.`,
      );
}

function readItem(raw: unknown, path: readonly (string | number)[]): BrainItem | OpenAIRefusal {
  const record = isObject(raw) ? raw : {};
  const parse = <T>(schema: z.ZodType<T>): T | OpenAIRefusal => {
    const parsed = schema.safeParse(raw, { reportInput: true });
    return parsed.success ? parsed.data : refusalOfIssue(parsed.error.issues[0], path);
  };
  const isRefusal = (value: object): value is OpenAIRefusal => 'param' in value;
  switch (record['type'] ?? 'message') {
    case 'message': {
      const item =
        record['role'] === 'assistant'
          ? parse(ITEMS['message by the model'])
          : parse(ITEMS['message by the user']);
      if (isRefusal(item)) return item;
      return { type: 'message', role: item.role, text: textOf(item.content) };
    }
    case 'function_call': {
      const item = parse(ITEMS.function_call);
      if (isRefusal(item)) return item;
      const { call_id: callId, name } = item;
      return { type: 'function_call', callId, name, arguments: item.arguments };
    }
    case 'function_call_output': {
      const item = parse(ITEMS.function_call_output);
      if (isRefusal(item)) return item;
      return { type: 'function_call_output', callId: item.call_id, output: textOf(item.output) };
    }
    default: {
      const param = `input[${path[1]}].type`;
      return invalidParameter(
        param,
        'invalid_value',
        `Invalid value: '${show(record['type'])}'. The sandbox takes: 'message', 'function_call', and 'function_call_output'.`,
      );
    }
  }
}

const textOf = (
  content: string | readonly ({ readonly text: string } | { readonly refusal: string })[],
): string =>
  typeof content === 'string'
    ? content
    : content.map((part) => ('text' in part ? part.text : part.refusal)).join('');

/** Every call of a tool needs its output in the same input, and the other way round. */
function pairingRefusal(items: readonly BrainItem[]): OpenAIRefusal | undefined {
  const called = new Set<string>();
  const answered = new Set<string>();
  for (const item of items) {
    if (item.type === 'function_call') called.add(item.callId);
    if (item.type !== 'function_call_output') continue;
    if (!called.has(item.callId))
      return invalidParameter(
        'input',
        null,
        `No tool call found for function call output with call_id ${item.callId}.`,
      );
    answered.add(item.callId);
  }
  const open = [...called].find((callId) => !answered.has(callId));
  return open === undefined
    ? undefined
    : invalidParameter('input', null, `No tool output found for function call ${open}.`);
}
