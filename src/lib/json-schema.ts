import type { ErrorObject, Options, ValidateFunction } from 'ajv';
import { messageOf } from './errors.ts';
import type { JsonRecord } from './record.ts';

/** What is wrong with a value, for people and models; empty if it fits. */
export type SchemaCheck = (value: unknown) => string;

export type CompiledSchema =
  | { readonly ok: true; readonly check: SchemaCheck }
  | { readonly ok: false; readonly message: string };

/** Schemas come from a call's configuration again and again; the oldest gives way. */
const MAX_KEPT = 512;
const kept = new Map<string, CompiledSchema>();

/**
 * A JSON Schema (2020-12, or draft 7 where it says so) as a check. The schema may be a stranger's:
 * references to other documents are refused, and `pattern` and `format` are not checked, because one
 * regular expression can hold the process up for minutes.
 */
export async function compileSchema(schema: JsonRecord): Promise<CompiledSchema> {
  const text = JSON.stringify(schema);
  const known = kept.get(text);
  if (known) return known;
  const compiled = await compile(text, isDraft7(schema));
  if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value ?? '');
  kept.set(text, compiled);
  return compiled;
}

const OPTIONS: Options = {
  strict: false,
  validateFormats: false,
  logger: false,
  code: { regExp: Object.assign(() => ({ test: () => true }), { code: '()=>({test:()=>true})' }) },
};

async function compile(text: string, isDraft7: boolean): Promise<CompiledSchema> {
  // Loaded with the first tool, not with the server: most agents have none.
  const { Ajv } = await import('ajv');
  const { Ajv2020 } = await import('ajv/dist/2020.js');
  try {
    // One for each schema: what a schema calls itself must not meet another's.
    const ajv = isDraft7 ? new Ajv(OPTIONS) : new Ajv2020(OPTIONS);
    const schema: unknown = JSON.parse(text, (key, value: unknown) =>
      key === '$schema' ? undefined : value,
    );
    if (typeof schema !== 'object' || schema === null) throw new Error('not an object');
    return { ok: true, check: checkOf(ajv.compile(schema)) };
  } catch (error) {
    return { ok: false, message: messageOf(error).slice(0, 300) };
  }
}

const isDraft7 = (schema: JsonRecord): boolean =>
  typeof schema['$schema'] === 'string' && schema['$schema'].includes('draft-07');

const checkOf =
  (validate: ValidateFunction): SchemaCheck =>
  (value) =>
    validate(value) ? '' : (validate.errors ?? []).map(sentenceOf).join('; ') || 'it does not fit';

const sentenceOf = ({ instancePath, message, params }: ErrorObject): string => {
  const where = instancePath === '' ? 'the arguments' : instancePath.slice(1).replaceAll('/', '.');
  const allowed: unknown = params['allowedValues'];
  const values = Array.isArray(allowed) ? `: ${JSON.stringify(allowed)}` : '';
  const extra: unknown = params['additionalProperty'];
  const named = typeof extra === 'string' ? ` (${extra})` : '';
  return `${where} ${message ?? 'do not fit'}${values}${named}`;
};
