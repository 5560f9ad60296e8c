import { setImmediate } from 'node:timers/promises';
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
 * references to other documents and names inside it are refused, and `pattern` and `format` are not checked, because one
 * regular expression can hold the process up for minutes.
 */
export async function compileSchema(schema: JsonRecord): Promise<CompiledSchema> {
  const text = JSON.stringify(schema);
  const known = kept.get(text);
  if (known) return known;
  const compiled = await compile(schema);
  if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value ?? '');
  kept.set(text, compiled);
  return compiled;
}

const OPTIONS: Options = {
  strict: false,
  validateFormats: false,
  addUsedSchema: false,
  logger: false,
  code: { regExp: Object.assign(() => ({ test: () => true }), { code: '()=>({test:()=>true})' }) },
};

async function compile(given: JsonRecord): Promise<CompiledSchema> {
  const draft = isDraft7(given) ? 'draft7' : 'latest';
  // Ours is the only name it has: schemas of many owners meet in one compiler.
  const { $schema: _draft, $id: _name, ...schema } = given;
  if (NAMES_ITSELF.test(JSON.stringify(schema)))
    return { ok: false, message: 'a part of the schema has a name of its own' };
  // Loaded with the first tool, not with the server: most agents have none.
  const [{ Ajv }, { Ajv2020 }] = await Promise.all([import('ajv'), import('ajv/dist/2020.js')]);
  // A compiler takes long to make, and a schema a few milliseconds: calls go on between two of them.
  const compiler = (compilers[draft] ??=
    draft === 'draft7' ? new Ajv(OPTIONS) : new Ajv2020(OPTIONS));
  await setImmediate();
  try {
    return { ok: true, check: checkOf(compiler.compile(schema)) };
  } catch (error) {
    return { ok: false, message: messageOf(error).slice(0, 300) };
  } finally {
    // It keeps every schema it has seen otherwise.
    compiler.removeSchema(schema);
  }
}

type Compiler = {
  compile(schema: JsonRecord): ValidateFunction;
  removeSchema(schema: JsonRecord): unknown;
};
const compilers: { draft7?: Compiler; latest?: Compiler } = {};

const NAMES_ITSELF = /"\$(?:id|anchor|dynamicAnchor|recursiveAnchor)"/;

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
