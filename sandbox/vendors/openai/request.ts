import type { z } from 'zod';
import { isObject, show } from '../json.ts';
import { bodySchema, itemSchemas } from './body.ts';
import type { ResponsesBody } from './body.ts';
import type { Brain, BrainItem } from '../brain.ts';
import { invalidParameter, unknownModel } from './errors.ts';
import type { OpenAIRefusal } from './errors.ts';
import { refusalOfIssue } from './issues.ts';
import { featureRefusal, unplayedRefusal } from './features.ts';
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

/** Checks a body as strictly as the service does, and reads what the brain needs out of it. */
export function parseResponsesRequest(json: unknown): RequestResult {
  const unplayed = unplayedRefusal(json);
  if (unplayed) return refused(unplayed);
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
          ? parse(itemSchemas['message by the model'])
          : parse(itemSchemas['message by the user']);
      if (isRefusal(item)) return item;
      return { type: 'message', role: item.role, text: textOf(item.content) };
    }
    case 'function_call': {
      const item = parse(itemSchemas.function_call);
      if (isRefusal(item)) return item;
      const { call_id: callId, name } = item;
      return { type: 'function_call', callId, name, arguments: item.arguments };
    }
    case 'function_call_output': {
      const item = parse(itemSchemas.function_call_output);
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
