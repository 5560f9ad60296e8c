import type { z } from 'zod';
import type { FieldFault } from '#lib/errors.ts';

/** Where a client gave something: the first part of every `loc`. */
export type InputPlace = 'body' | 'path' | 'query' | 'header';

/**
 * Zod's issues in FastAPI's (pydantic's) words and types. No fault holds a value that the client
 * sent: pydantic's `input` is left out, since it would answer secrets.
 */
export function faultsOf(
  issues: readonly z.core.$ZodIssue[],
  place: InputPlace,
  input: unknown,
): readonly FieldFault[] {
  return issues.flatMap((issue) => {
    const loc = [place, ...issue.path.map(shownKey)];
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({
        loc: [...loc, shownKey(key)],
        msg: 'Extra inputs are not permitted',
        type: 'extra_forbidden',
      }));
    const [type, text] = wordsFor(issue, at(input, issue.path));
    return [{ loc, msg: text, type }];
  });
}

/** A key that the client made up is shown if it looks like a field's name; anything else might be a secret in the wrong place. */
export const shownKey = (key: PropertyKey): string | number => {
  if (typeof key === 'number') return key;
  const text = String(key);
  return /^[A-Za-z_][A-Za-z0-9_]{0,39}$/.test(text) && !/^(?:hc|hci|sk|pk)_/.test(text)
    ? text
    : '(unknown key)';
};

type Words = readonly [type: string, text: string];

function wordsFor(issue: z.core.$ZodIssue, value: unknown): Words {
  switch (issue.code) {
    case 'invalid_type':
      return value === undefined ? ['missing', 'Field required'] : wrongType(issue.expected, value);
    case 'invalid_value':
      return value === undefined
        ? ['missing', 'Field required']
        : ['literal_error', `Input should be ${oneOf(issue.values)}`];
    case 'too_small':
      return tooSmall(issue);
    case 'too_big':
      return tooBig(issue);
    case 'invalid_format':
      return wrongFormat(issue);
    case 'custom':
      return ['value_error', `Value error, ${issue.message}`];
    default:
      return ['value_error', 'Value error, the value is not allowed here'];
  }
}

function wrongType(expected: string, value: unknown): Words {
  switch (expected) {
    case 'string':
      return ['string_type', 'Input should be a valid string'];
    case 'int':
      return typeof value === 'number'
        ? ['int_from_float', 'Input should be a valid integer, got a number with a fractional part']
        : ['int_type', 'Input should be a valid integer'];
    case 'number':
      return ['float_type', 'Input should be a valid number'];
    case 'boolean':
      return ['bool_type', 'Input should be a valid boolean'];
    case 'array':
      return ['list_type', 'Input should be a valid list'];
    case 'record':
      return ['dict_type', 'Input should be a valid dictionary'];
    case 'object':
      return [
        'model_attributes_type',
        'Input should be a valid dictionary or object to extract fields from',
      ];
    default:
      return ['value_error', `Value error, expected ${expected}`];
  }
}

function tooSmall(issue: z.core.$ZodIssueTooSmall): Words {
  const limit = String(issue.minimum);
  if (issue.origin === 'string')
    return ['string_too_short', `String should have at least ${characters(limit)}`];
  if (issue.origin === 'array')
    return ['too_short', `List should have at least ${items(limit)} after validation`];
  return issue.inclusive === false
    ? ['greater_than', `Input should be greater than ${limit}`]
    : ['greater_than_equal', `Input should be greater than or equal to ${limit}`];
}

function tooBig(issue: z.core.$ZodIssueTooBig): Words {
  const limit = String(issue.maximum);
  if (issue.origin === 'string')
    return ['string_too_long', `String should have at most ${characters(limit)}`];
  if (issue.origin === 'array')
    return ['too_long', `List should have at most ${items(limit)} after validation`];
  return issue.inclusive === false
    ? ['less_than', `Input should be less than ${limit}`]
    : ['less_than_equal', `Input should be less than or equal to ${limit}`];
}

function wrongFormat(issue: z.core.$ZodIssueInvalidStringFormat): Words {
  switch (issue.format) {
    case 'guid':
    case 'uuid':
      return ['uuid_parsing', 'Input should be a valid UUID, invalid character or length'];
    case 'datetime':
      return ['datetime_parsing', 'Input should be a valid datetime, with a timezone'];
    case 'regex':
      return [
        'string_pattern_mismatch',
        `String should match pattern '${issue.pattern?.replace(/^\/|\/[a-z]*$/g, '') ?? ''}'`,
      ];
    default:
      return ['value_error', `Value error, not a valid ${issue.format}`];
  }
}

const characters = (count: string): string => `${count} character${count === '1' ? '' : 's'}`;
const items = (count: string): string => `${count} item${count === '1' ? '' : 's'}`;

/** `'a', 'b' or 'c'`, as pydantic writes it. */
function oneOf(values: readonly unknown[]): string {
  const quoted = values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)));
  const last = quoted.pop() ?? '';
  return quoted.length > 0 ? `${quoted.join(', ')} or ${last}` : last;
}

/** What lies at a path of the input. */
function at(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path)
    value =
      typeof value === 'object' && value !== null
        ? Object.getOwnPropertyDescriptor(value, key)?.value
        : undefined;
  return value;
}
