import type { z } from 'zod';
import { invalidRequest } from './errors.ts';
import type { AnthropicRefusal } from './errors.ts';

type Issue = z.core.$ZodIssue;

/** What is wrong with a body, as Anthropic words it: `messages.0.content: Field required`. */
export function refusalOfIssue(
  issue: Issue | undefined,
  base: readonly PropertyKey[] = [],
): AnthropicRefusal {
  if (!issue) return invalidRequest('The request body is not valid.');
  const path = [...base, ...issue.path];
  const at = (text: string, where: readonly PropertyKey[] = path): AnthropicRefusal =>
    invalidRequest(where.length === 0 ? text : `${where.map(String).join('.')}: ${text}`);
  switch (issue.code) {
    case 'unrecognized_keys':
      return at('Extra inputs are not permitted', [...path, issue.keys[0] ?? '']);
    case 'invalid_union': {
      if (issue.input === undefined) return at('Field required');
      // Of the branches take the one that got furthest: the others differ in kind, not in detail.
      const deepest = issue.errors
        .flat()
        .toSorted((left, right) => right.path.length - left.path.length)[0];
      return deepest && deepest.path.length > 0
        ? refusalOfIssue(deepest, path)
        : at('Input should be one of the documented types');
    }
    case 'invalid_type':
      return issue.input === undefined
        ? at('Field required')
        : at(`Input should be a valid ${TYPE_NAMES[issue.expected] ?? issue.expected}`);
    case 'invalid_value': {
      if (issue.input === undefined) return at('Field required');
      const values = issue.values.map((value) => `'${String(value)}'`);
      return at(`Input should be ${values.join(' or ')}`);
    }
    case 'too_small':
      return issue.origin === 'array' || issue.origin === 'string'
        ? at(`at least ${String(issue.minimum)} item is required`)
        : at(`Input should be greater than or equal to ${String(issue.minimum)}`);
    case 'too_big':
      return at(`Input should be less than or equal to ${String(issue.maximum)}`);
    case 'invalid_format':
      return at(
        'pattern' in issue ? `String should match pattern '${issue.pattern}'` : issue.message,
      );
    default:
      return at(issue.message);
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  int: 'integer',
  array: 'list',
  object: 'dictionary',
  record: 'dictionary',
};
