import { ApiError } from './api.ts';
import type { Fault } from './api.ts';

/** The errors of a form by its fields. */
export type FieldErrors = {
  of(field: string): readonly string[];
  /** Those that belong to no field. */
  readonly others: readonly string[];
};

/**
 * Finds for each fault the field that it is about. A field is named by its path behind the body, such
 * as `agent_config.tools`; of several the longest counts, and what lies deeper is said in front.
 */
export function fieldErrors(
  error: Error | null | undefined,
  fields: readonly string[],
): FieldErrors {
  const byField = new Map<string, string[]>();
  const others: string[] = [];
  const faults: readonly Fault[] = error instanceof ApiError ? error.faults : [];
  for (const { loc, msg } of faults) {
    const path = loc.slice(1).map(String);
    const field = fields
      .filter((name) => name.split('.').every((part, at) => path[at] === part))
      .toSorted((left, right) => right.length - left.length)[0];
    if (field === undefined) {
      others.push(path.length === 0 ? msg : `${path.join('.')}: ${msg}`);
      continue;
    }
    const deeper = path.slice(field.split('.').length).join('.');
    byField.set(field, [...(byField.get(field) ?? []), deeper === '' ? msg : `${deeper}: ${msg}`]);
  }
  if (error && faults.length === 0) others.push(error.message);
  return { of: (field) => byField.get(field) ?? [], others };
}
