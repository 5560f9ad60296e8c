import type { z } from 'zod';
import { isObject, show } from '../json.ts';
import { invalidParameter } from './errors.ts';
import type { OpenAIRefusal } from './errors.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** What is wrong with a body, as OpenAI words it. `base` is where the checked value stands in the body. */
export function refusalOfIssue(issue: Issue | undefined, base: Path): OpenAIRefusal {
  if (!issue) return invalidParameter(null, null, 'The request body is not valid.');
  const path = [...base, ...issue.path];
  const param = paramOf(path);
  switch (issue.code) {
    case 'unrecognized_keys': {
      const unknown = paramOf([...path, issue.keys[0] ?? '']);
      return invalidParameter(unknown, 'unknown_parameter', `Unknown parameter: '${unknown}'.`);
    }
    case 'invalid_union': {
      // Of the branches take the one that got furthest: the others differ in kind, not in detail.
      const deepest = issue.errors
        .flat()
        .toSorted((left, right) => right.path.length - left.path.length)[0];
      if (deepest && deepest.path.length > 0) return refusalOfIssue(deepest, path);
      if ('discriminator' in issue && typeof issue.discriminator === 'string')
        return refusalOfDiscriminator(issue, path);
      return issue.input === undefined
        ? missing(param)
        : wrongType(param, 'one of a string or an array', issue.input);
    }
    case 'invalid_type':
      return issue.input === undefined
        ? missing(param)
        : wrongType(param, TYPE_NAMES[issue.expected] ?? `a ${issue.expected}`, issue.input);
    case 'invalid_value': {
      if (issue.input === undefined) return missing(param);
      const values = issue.values.map((value) => `'${String(value)}'`);
      return invalidParameter(
        param,
        'invalid_value',
        `Invalid value: '${show(issue.input)}'. Supported values are: ${values.join(', ')}.`,
      );
    }
    case 'too_small':
      return outOfRange(param, issue.origin, 'below', String(issue.minimum), issue.input);
    case 'too_big':
      return outOfRange(param, issue.origin, 'above', String(issue.maximum), issue.input);
    default:
      return invalidParameter(param, 'invalid_value', `Invalid '${param}': ${issue.message}.`);
  }
}

function refusalOfDiscriminator(issue: Issue & { readonly discriminator?: unknown }, path: Path) {
  const name = String(issue.discriminator);
  const param = paramOf(path.at(-1) === name ? path : [...path, name]);
  const value = isObject(issue.input) ? issue.input[name] : undefined;
  return value === undefined
    ? missing(param)
    : invalidParameter(param, 'invalid_value', `Invalid value: '${show(value)}'.`);
}

const missing = (param: string): OpenAIRefusal =>
  invalidParameter(param, 'missing_required_parameter', `Missing required parameter: '${param}'.`);

const wrongType = (param: string, expected: string, input: unknown): OpenAIRefusal =>
  invalidParameter(
    param,
    'invalid_type',
    `Invalid type for '${param}': expected ${expected}, but got ${kindOf(input)} instead.`,
  );

const TYPE_NAMES: Readonly<Record<string, string>> = {
  int: 'an integer',
  number: 'a decimal',
  array: 'an array of objects',
  object: 'an object',
  record: 'an object',
};

const INTEGERS = new Set(['max_output_tokens', 'max_tool_calls', 'top_logprobs']);

function outOfRange(
  param: string,
  origin: string,
  side: 'below' | 'above',
  limit: string,
  input: unknown,
): OpenAIRefusal {
  const extreme = side === 'below' ? 'min' : 'max';
  if (origin === 'string') {
    const problem = side === 'below' ? 'too short' : 'too long';
    return invalidParameter(
      param,
      `string_${side}_${extreme}_length`,
      `Invalid '${param}': string ${problem}. Expected a string with ${extreme}imum length ${limit}.`,
    );
  }
  const kind = INTEGERS.has(param) ? 'integer' : 'decimal';
  return invalidParameter(
    param,
    `${kind}_${side}_${extreme}_value`,
    `Invalid '${param}': ${kind} ${side} ${extreme}imum value. Expected a value ${side === 'below' ? '>=' : '<='} ${limit}, but got ${show(input)} instead.`,
  );
}

function kindOf(input: unknown): string {
  if (input === null) return 'null';
  if (Array.isArray(input)) return 'an array';
  if (typeof input === 'number') return Number.isInteger(input) ? 'an integer' : 'a decimal';
  return typeof input === 'object' ? 'an object' : `a ${typeof input}`;
}

/** A path as OpenAI writes it: `input[0].content`. */
const paramOf = (path: Path): string =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
