import { VoiceError } from '#lib/errors.ts';
import { policyOf } from '#conversation/policy.ts';
import type { Policy } from '#conversation/policy.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';

type Value = boolean | number | string | readonly string[];
type PathsOf<T> = {
  readonly [K in keyof T & string]: T[K] extends Value ? K : `${K}.${keyof T[K] & string}`;
}[keyof T & string];

/** `endpointing.silenceMs`: a field of the policy by its path. */
export type PolicyPath = PathsOf<Policy>;

export type PolicyField = {
  readonly path: PolicyPath;
  readonly about: string;
} & (
  | { readonly kind: 'ms'; readonly min: number; readonly max: number }
  | { readonly kind: 'flag' }
  | { readonly kind: 'text' }
  /** A list of texts, as JSON. */
  | { readonly kind: 'texts' }
  /** Part of what was recorded: a replay cannot change it. */
  | { readonly kind: 'fixed'; readonly values: readonly string[] }
);

export type PolicyChange = { readonly path: PolicyPath; readonly value: Value };

type Row = PolicyField extends infer One
  ? One extends PolicyField
    ? Omit<One, 'path'>
    : never
  : never;

const ms = (min: number, max: number, about: string): Row => ({ kind: 'ms', min, max, about });
const flag = (about: string): Row => ({ kind: 'flag', about });
const text = (about: string): Row => ({ kind: 'text', about });

/** Bounds are those of agent_config, where the field stands there; the compiler keeps the table complete. */
const ROWS: Readonly<Record<PolicyPath, Row>> = {
  sound: { kind: 'fixed', values: ['ours', 'theirs'], about: 'who hears, speaks and takes turns' },
  'endpointing.silenceMs': ms(
    100,
    5_000,
    'silence that ends a turn after words that sound complete',
  ),
  'endpointing.unfinishedSilenceMs': ms(100, 10_000, 'the same after words that sound unfinished'),
  'endpointing.eagerSilenceMs': ms(50, 5_000, 'silence after which a reply is prepared on trial'),
  'endpointing.vendorDecides': flag('the recogniser ends turns, silence is only the safety net'),
  'endpointing.vendorEndTimeoutMs': ms(0, 60_000, 'the longest wait for such a recogniser'),
  'bargeIn.enabled': flag("the caller's voice stops the agent's"),
  'bargeIn.minSpeechMs': ms(0, 2_000, 'voice of the caller that pauses the agent'),
  'bargeIn.resumeAfterMs': ms(300, 10_000, 'wait without words until the agent goes on'),
  'idle.promptAfterMs': ms(2_000, 120_000, 'silence after which the agent asks'),
  'idle.prompts': { kind: 'texts', about: 'what it asks, one after the other' },
  'idle.goodbye': text('what it says before it hangs up'),
  'greeting.text': text('said when the call is answered'),
  'greeting.interruptible': flag('the caller may cut in on the greeting'),
  speculation: flag('replies are prepared before the turn has surely ended'),
  maxCallMs: ms(1_000, 14_400_000, 'the longest a call may take'),
  deadAirMs: ms(1_000, 30_000, 'silence of a reply that is due until it is bridged'),
  'texts.filler': text('bridges a late answer'),
  'texts.toolFiller': text('bridges a slow tool; empty: nothing'),
  'texts.again': text('said when the model had no answer'),
  'texts.farewell': text("said before the owner's hang-up"),
  'texts.timeLimit': text('said at the time limit'),
  'vendorNames.speech-to-text': text('who is named when hearing falls silent'),
  'vendorNames.language-model': text('who is named when the model falls silent'),
  'vendorNames.text-to-speech': text('who is named when the voice falls silent'),
};

const isPath = (path: string): path is PolicyPath => Object.hasOwn(ROWS, path);

/** Every field of a policy. */
export const policyFields: readonly PolicyField[] = Object.keys(ROWS)
  .filter(isPath)
  .map((path) => ({ path, ...ROWS[path] }));

/** Every setting that a call can be replayed with. */
export const changeableFields = policyFields.filter(({ kind }) => kind !== 'fixed');

const fieldOf = new Map<string, PolicyField>(changeableFields.map((field) => [field.path, field]));

/** The policy of an agent that was given no setting. */
export const defaultPolicy = (): Policy => policyOf(agentConfigSchema.parse({}), false);

/** What a policy has at a path; undefined: nothing. */
export function policyValue(policy: unknown, path: string): unknown {
  let value = policy;
  for (const key of path.split('.')) value = Object(value)[key];
  return value;
}

/**
 * Reads `endpointing.silenceMs=300`.
 *
 * @throws VoiceError saying what there is, or what the value has to be
 */
export function readPolicyChange(given: string): PolicyChange {
  const at = given.indexOf('=');
  const name = (at < 0 ? given : given.slice(0, at)).trim();
  const value = at < 0 ? undefined : given.slice(at + 1);
  const field = fieldOf.get(name);
  if (!field)
    throw invalid(`There is no setting "${name}"; there are ${[...fieldOf.keys()].join(', ')}.`);
  if (value === undefined) throw invalid(`--policy takes ${name}=value.`);
  const parsed = parse(field, value.trim());
  if (parsed === undefined) throw invalid(`${name} must be ${expected(field)}, not "${value}".`);
  return { path: field.path, value: parsed };
}

/** The policy with some of its fields changed. */
export const withChanges = (policy: Policy, changes: readonly PolicyChange[]): Policy =>
  changes.reduce((changed, { path, value }) => {
    const [group = '', key] = path.split('.');
    const inner: unknown =
      key === undefined ? value : { ...Object(policyValue(changed, group)), [key]: value };
    return { ...changed, [group]: inner };
  }, policy);

/** Whether a value is one that the field can have. */
export function fits(field: PolicyField, value: unknown): value is Value {
  switch (field.kind) {
    case 'ms':
      return typeof value === 'number' && value >= 0;
    case 'flag':
      return typeof value === 'boolean';
    case 'text':
      return typeof value === 'string';
    case 'texts':
      return Array.isArray(value) && value.every((one) => typeof one === 'string');
    case 'fixed':
      return typeof value === 'string' && field.values.includes(value);
  }
}

/** What a value of the field looks like: for help and complaints. */
export function expected(field: PolicyField): string {
  switch (field.kind) {
    case 'ms':
      return `a whole number of ms from ${field.min} to ${field.max}`;
    case 'flag':
      return 'true or false';
    case 'text':
      return 'a text';
    case 'texts':
      return 'a JSON list of texts';
    case 'fixed':
      return field.values.join(' or ');
  }
}

function parse(field: PolicyField, value: string): Value | undefined {
  switch (field.kind) {
    case 'ms': {
      const number = Number(value);
      return /^\d+$/.test(value) && number >= field.min && number <= field.max ? number : undefined;
    }
    case 'flag':
      return value === 'true' ? true : value === 'false' ? false : undefined;
    case 'text':
      return value;
    case 'texts':
      try {
        const list: unknown = JSON.parse(value);
        return fits(field, list) ? list : undefined;
      } catch {
        return undefined;
      }
    case 'fixed':
      return undefined;
  }
}

const invalid = (message: string): VoiceError => new VoiceError('invalid', message);
