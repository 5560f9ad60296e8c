import { isObject } from '../json.ts';
import { invalidParameter } from './errors.ts';
import type { OpenAIRefusal } from './errors.ts';
import type { ResponsesBody } from './body.ts';

type Tool = NonNullable<ResponsesBody['tools']>[number];

/** Parameters of the service that the sandbox does not play; better refused than passed over. */
const UNPLAYED =
  'access_programs context_management conversation image moderation prompt prompt_cache_options'.split(
    ' ',
  );

export function unplayedRefusal(json: unknown): OpenAIRefusal | undefined {
  if (!isObject(json)) return undefined;
  const name = UNPLAYED.find((one) => one in json);
  return name === undefined
    ? undefined
    : invalidParameter(name, null, `The sandbox does not play '${name}'.`);
}

/** Parameters that are right by themselves and wrong together, or ask for what is not there. */
export function featureRefusal(body: ResponsesBody): OpenAIRefusal | undefined {
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
  const { tool_choice: choice } = body;
  if (typeof choice === 'object' && !body.tools?.some(({ name }) => name === choice.name))
    return invalidParameter(
      'tool_choice',
      null,
      `Tool choice '${choice.name}' not found in 'tools' parameter.`,
    );
  for (const [index, tool] of (body.tools ?? []).entries()) {
    const wrong = toolRefusal(tool, index);
    if (wrong) return wrong;
  }
  return undefined;
}

function toolRefusal(tool: Tool, index: number): OpenAIRefusal | undefined {
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
