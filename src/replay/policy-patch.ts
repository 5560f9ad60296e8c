import { z } from 'zod';
import { changeableFields, fits, policyValue } from './policy-fields.ts';
import type { PolicyChange, PolicyField } from './policy-fields.ts';

const TEXT_CHARACTERS_MAX = 1_000;
const TEXTS_MAX = 20;

/** A part of a policy, shaped like it: the settings that a call is to be replayed with. */
export const policyPatchSchema = z
  .strictObject(groups())
  .refine((patch) => policyChangesOf(patch).length > 0, {
    error: 'Name at least one setting to change.',
    // What is wrong with those that are named says enough.
    when: ({ issues }) => issues.length === 0,
  })
  .meta({
    id: 'PolicyPatch',
    title: 'PolicyPatch',
    examples: [{ endpointing: { silenceMs: 300 } }],
  });

/** The settings that a patch names. */
export const policyChangesOf = (patch: unknown): readonly PolicyChange[] =>
  changeableFields.flatMap((field) => {
    const value = policyValue(patch, field.path);
    return fits(field, value) ? [{ path: field.path, value }] : [];
  });

/** An optional field for each setting, in groups as in the policy. */
function groups(): Readonly<Record<string, z.ZodType>> {
  const tree = Map.groupBy(changeableFields, ({ path }) => path.split('.')[0] ?? '');
  return Object.fromEntries(
    [...tree].map(([group, fields]) => {
      const [first] = fields;
      if (first?.path === group) return [group, valueSchema(first).optional()];
      const inner = fields.map((field) => [
        field.path.slice(group.length + 1),
        valueSchema(field).optional(),
      ]);
      const shape: Readonly<Record<string, z.ZodType>> = Object.fromEntries(inner);
      return [group, z.strictObject(shape).optional()];
    }),
  );
}

function valueSchema(field: PolicyField): z.ZodType {
  const text = z.string().max(TEXT_CHARACTERS_MAX);
  const { about: description } = field;
  switch (field.kind) {
    case 'ms':
      return z.number().int().min(field.min).max(field.max).meta({ description });
    case 'flag':
      return z.boolean().meta({ description });
    case 'text':
      return text.meta({ description });
    case 'texts':
      return z.array(text).max(TEXTS_MAX).meta({ description });
    case 'fixed':
      return z.never();
  }
}
