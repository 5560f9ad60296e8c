import type { z } from 'zod';
import type { Brain, BrainItem } from '../brain.ts';
import { show } from '../json.ts';
import { geminiBodySchema } from './gemini-body.ts';
import type { GeminiBody, GeminiContent } from './gemini-body.ts';
import { isSigning, thinkingRefusal } from './gemini-models.ts';
import { invalidArgument } from './status.ts';
import type { Status } from './status.ts';

/** What a generation is asked for, checked. */
export type GeminiRequest = {
  readonly body: GeminiBody;
  readonly question: Parameters<Brain>[0];
};

/** A signature for calls that no Gemini made; the documented way around the check. */
const SKIP_SIGNATURE = 'skip_thought_signature_validator';
const FUNCTION_NAME = /^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$/;

/** Checks a body as strictly as the service does. `isIssued`: whether the sandbox made a signature. */
export function parseGeminiRequest(
  model: string,
  json: unknown,
  isIssued: (signature: string) => boolean,
): GeminiRequest | Status {
  const parsed = geminiBodySchema.safeParse(json, { reportInput: true });
  if (!parsed.success) return statusOfIssue(parsed.error.issues[0]);
  const body = parsed.data;
  const contents = body.contents ?? [];
  const wrong =
    thinkingRefusal(model, definedIn(body.generationConfig?.thinkingConfig ?? {})) ??
    toolRefusal(body) ??
    contentsRefusal(contents) ??
    orderRefusal(contents, isSigning(model)) ??
    (isSigning(model) ? signatureRefusal(contents, isIssued) : undefined);
  if (wrong) return wrong;
  const mayCall = body.toolConfig?.functionCallingConfig?.mode !== 'NONE';
  return {
    body,
    question: {
      model,
      instructions: (body.systemInstruction?.parts ?? []).map((part) => part.text ?? '').join(''),
      items: contents.flatMap((content, index) => itemsOf(content, contents[index - 1])),
      tools: mayCall ? declarationsOf(body).map(({ name }) => name) : [],
    },
  };
}

const declarationsOf = (body: GeminiBody) =>
  (body.tools ?? []).flatMap((tool) => tool.functionDeclarations ?? []);

/** Optional fields without those that are explicitly undefined. */
const definedIn = (limit: {
  readonly thinkingBudget?: number | undefined;
  readonly thinkingLevel?: string | undefined;
}): { readonly thinkingBudget?: number; readonly thinkingLevel?: string } => ({
  ...(limit.thinkingBudget !== undefined && { thinkingBudget: limit.thinkingBudget }),
  ...(limit.thinkingLevel !== undefined && { thinkingLevel: limit.thinkingLevel }),
});

const callsOf = (content: GeminiContent | undefined) =>
  (content?.parts ?? []).flatMap((part) => part.functionCall ?? []);
const resultsOf = (content: GeminiContent | undefined) =>
  (content?.parts ?? []).flatMap((part) => part.functionResponse ?? []);

function toolRefusal(body: GeminiBody): Status | undefined {
  const names = new Set<string>();
  for (const [index, { name, parameters, parametersJsonSchema }] of declarationsOf(
    body,
  ).entries()) {
    const at = `GenerateContentRequest.tools[0].function_declarations[${index}]`;
    if (!FUNCTION_NAME.test(name))
      return invalidArgument(
        `${at}.name: Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 64.`,
      );
    if (names.has(name)) return invalidArgument(`Duplicate function declaration found: ${name}`);
    names.add(name);
    if (parameters && parametersJsonSchema !== undefined)
      return invalidArgument(
        `${at}: only one of parameters and parameters_json_schema may be set.`,
      );
  }
  return undefined;
}

function contentsRefusal(contents: readonly GeminiContent[]): Status | undefined {
  if (contents.length === 0)
    return invalidArgument('* GenerateContentRequest.contents: contents is not specified\n');
  for (const [index, { role, parts }] of contents.entries()) {
    if (role !== undefined && !['user', 'model', 'function'].includes(role))
      return invalidArgument('Please use a valid role: user, model.');
    const at = `* GenerateContentRequest.contents[${index}]`;
    if (!parts || parts.length === 0)
      return invalidArgument(`${at}.parts: contents.parts must not be empty.\n`);
    for (const [nth, part] of parts.entries()) {
      const data = [part.text, part.functionCall, part.functionResponse].filter(
        (one) => one !== undefined,
      );
      if (data.length !== 1 || part.text === '')
        return invalidArgument(
          `${at}.parts[${nth}].data: required oneof field 'data' must have one initialized field\n`,
        );
    }
  }
  if (contents.at(-1)?.role === 'model')
    return invalidArgument(
      'Please ensure that single turn requests end with a user role or the role field is empty.',
    );
  return undefined;
}

/** Calls follow what asks for them, their results follow at once, each by its id. */
function orderRefusal(contents: readonly GeminiContent[], byId: boolean): Status | undefined {
  for (const [index, content] of contents.entries()) {
    const before = contents[index - 1];
    const calls = callsOf(content);
    const results = resultsOf(content);
    if (calls.length > 0 && (before === undefined || before.role === 'model'))
      return invalidArgument(
        'Please ensure that function call turn comes immediately after a user turn or after a function response turn.',
      );
    const asked = callsOf(before);
    if (results.length > 0 && asked.length === 0)
      return invalidArgument(
        'Please ensure that function response turn comes immediately after a function call turn.',
      );
    if (asked.length !== results.length)
      return invalidArgument(
        'Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.',
      );
    for (const { id, name } of results) {
      const isAnswer = asked.some(
        (call) => call.name === name && (!byId || call.id === undefined || call.id === id),
      );
      if (!isAnswer)
        return invalidArgument(
          `Function response ${name} matches no function call of the preceding turn by name and id.`,
        );
    }
  }
  return undefined;
}

/** Of the calls since the caller's last words, the first of each step must bear its signature. */
function signatureRefusal(
  contents: readonly GeminiContent[],
  isIssued: (signature: string) => boolean,
): Status | undefined {
  const turn = contents.findLastIndex(
    ({ role, parts }) => role !== 'model' && parts?.some((part) => part.text !== undefined),
  );
  for (const [index, content] of contents.entries()) {
    const first = content.parts?.find((part) => part.functionCall);
    if (!first) continue;
    const signature = first.thoughtSignature;
    if (signature === undefined && index > turn)
      return invalidArgument(
        `Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call \`default_api:${first.functionCall?.name}\` , position ${index + 1}. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.`,
      );
    if (signature !== undefined && signature !== SKIP_SIGNATURE && !isIssued(signature))
      return invalidArgument('Thought signature is not valid.');
  }
  return undefined;
}

function itemsOf(content: GeminiContent, before: GeminiContent | undefined): readonly BrainItem[] {
  const role = content.role === 'model' ? 'assistant' : 'user';
  return (content.parts ?? []).map((part): BrainItem => {
    const { functionCall: call, functionResponse: result } = part;
    if (call)
      return {
        type: 'function_call',
        callId: call.id ?? call.name,
        name: call.name,
        arguments: JSON.stringify(call.args ?? {}),
      };
    if (result) {
      const call = callsOf(before).find(({ id, name }) => id === result.id && name === result.name);
      const { output } = result.response;
      return {
        type: 'function_call_output',
        callId: call?.id ?? result.id ?? result.name,
        output: typeof output === 'string' ? output : JSON.stringify(result.response),
      };
    }
    return { type: 'message', role, text: part.text ?? '' };
  });
}

/** What is wrong with a body, as Google's JSON parser words it. */
function statusOfIssue(issue: z.core.$ZodIssue | undefined): Status {
  if (!issue) return invalidArgument('Invalid JSON payload received.');
  const path = issue.path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${snakeCase(String(step))}`))
    .join('')
    .replace(/^\./, '');
  if (issue.code === 'unrecognized_keys') {
    const at = path === '' ? '' : ` at '${path}'`;
    return invalidArgument(
      `Invalid JSON payload received. Unknown name "${issue.keys[0]}"${at}: Cannot find field.`,
    );
  }
  return invalidArgument(`Invalid value at '${path}': ${show(issue.input)}`);
}

const snakeCase = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
