import { z } from 'zod';
import { VoiceError } from '#lib/errors.ts';
import type { Input } from '#conversation/input.ts';
import type { Policy } from '#conversation/policy.ts';
import { readInput } from './input-schema.ts';
import { JOURNAL_VERSION } from './journal.ts';
import type { JournalHead } from './journal.ts';
import { defaultPolicy, fits, policyFields, policyValue, withChanges } from './policy-fields.ts';

/** A journal as it is read: its head, and each input with what was done about it. */
export type Recording = {
  /** Undefined: from before version 1, which does not tell what was done. */
  readonly head: Pick<JournalHead, 'version' | 'code'> | undefined;
  readonly policy: Policy;
  readonly steps: readonly RecordedStep[];
  /** What a reader should know of how well it replays. */
  readonly warnings: readonly string[];
};

export type RecordedStep = {
  readonly input: Input;
  /** Undefined where the journal does not tell. */
  readonly did: readonly string[] | undefined;
};

/**
 * Reads the entries of a journal. Of a call that was taken over in its course, what the last process led.
 *
 * @param oldPolicy for a journal from before version 1, which does not say with which policy the call ran
 * @throws VoiceError saying why the call cannot be replayed
 */
export function readJournal(whole: readonly unknown[], oldPolicy?: Policy): Recording {
  // Every process that led the call has begun with a head of its own.
  const lastHead = whole.findLastIndex(
    (entry) => entrySchema.safeParse(entry).data?.type === 'journal',
  );
  const entries = whole.slice(Math.max(0, lastHead));
  const [first, ...rest] = entries;
  if (first === undefined)
    throw unreadable('The call has no journal: it ended before anything of it was stored.');
  const headed = entrySchema.parse(first).type === 'journal';
  const head = headed ? headOf(first) : undefined;
  if (!head && !oldPolicy)
    throw unreadable(
      'The journal is from before version 1 and does not say with which settings the call ran. ' +
        'Replay it by the id of its call: the settings of its agent then stand in.',
    );
  const { policy, warnings } = head ? policyFrom(head.policy) : { policy: oldPolicy, warnings: [] };
  const steps = stepsOf(headed ? rest : entries, headed ? 1 : 0, headed);
  if (!BEGINNINGS.includes(steps[0]?.input.type))
    throw unreadable('The journal does not begin with the answer: its beginning is missing.');
  return {
    head,
    policy: policy ?? defaultPolicy(),
    steps,
    warnings: headed
      ? [
          ...(lastHead > 0
            ? ['The call was taken over by another process: only what that one led is replayed.']
            : []),
          ...warnings,
        ]
      : [
          'The journal is from before version 1: it does not tell what was decided at each step, nor ' +
            "with which settings. The agent's settings of today stand in, and only the turns are compared.",
        ],
  };
}

/** `taken-over`: another process led the call before. */
const BEGINNINGS: readonly (Input['type'] | undefined)[] = ['answered', 'taken-over'];

const entrySchema = z.looseObject({ atMs: z.number().optional(), type: z.string().optional() });
const effectsSchema = z.strictObject({ atMs: z.number(), did: z.array(z.string()) });
const noteSchema = z.looseObject({ type: z.literal('note') });
const headSchema = z.looseObject({ version: z.number().int(), code: z.string() });

function headOf(entry: unknown): Pick<JournalHead, 'version' | 'code'> & { policy: unknown } {
  const result = headSchema.safeParse(entry);
  if (!result.success) throw unreadable("The journal's first entry is damaged.");
  const { version, code, policy } = result.data;
  if (version > JOURNAL_VERSION)
    throw unreadable(
      `The journal has version ${version}, of program ${code}; this one reads up to ${JOURNAL_VERSION}. Replay it with the newer program.`,
    );
  return { version, code, policy };
}

/** A policy of another version of the program: what is new since has its default, what is gone is named. */
function policyFrom(stored: unknown): { policy: Policy; warnings: readonly string[] } {
  const found = policyFields.flatMap((field) => {
    const value = policyValue(stored, field.path);
    return fits(field, value) ? [{ path: field.path, value }] : [];
  });
  const known = new Set<string>(policyFields.map(({ path }) => path));
  const told = new Set<string>(found.map(({ path }) => path));
  const missing = [...known].filter((path) => !told.has(path) && !path.startsWith('vendorNames.'));
  const strange = pathsIn(stored).filter((path) => !known.has(path));
  return {
    policy: withChanges(defaultPolicy(), found),
    warnings: [
      ...missing.map((path) => `The journal says nothing of ${path}: its default stands in.`),
      ...strange.map((path) => `The setting ${path} is not known any more, and has no effect.`),
    ],
  };
}

const pathsIn = (policy: unknown): readonly string[] =>
  Object.entries(Object(policy)).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.keys(value).map((inner) => `${key}.${inner}`)
      : [key],
  );

function stepsOf(entries: readonly unknown[], first: number, tellsEffects: boolean) {
  const steps: { input: Input; did: readonly string[] | undefined }[] = [];
  let lastMs = 0;
  for (const [index, entry] of entries.entries()) {
    if (noteSchema.safeParse(entry).success) continue;
    const effects = effectsSchema.safeParse(entry);
    const step = steps.at(-1);
    if (effects.success && step) {
      step.did = effects.data.did;
      continue;
    }
    const input = readInput(entry);
    const place = `Entry ${first + index + 1} of the journal`;
    if (typeof input === 'string')
      throw unreadable(`${place} is none that this program knows: ${input}.`);
    if (input.atMs < lastMs) throw unreadable(`${place} lies before the one before it.`);
    lastMs = input.atMs;
    steps.push({ input, did: tellsEffects ? [] : undefined });
  }
  return steps;
}

const unreadable = (message: string): VoiceError => new VoiceError('invalid', message);
