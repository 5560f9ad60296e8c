import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { codeVersion } from '#replay/code-version.ts';
import { effectLines } from '#replay/effect-line.ts';
import { readJournal } from '#replay/read-journal.ts';
import { replay } from '#replay/replay.ts';

const FOLDER = join(import.meta.dirname, 'golden');

/** The journals that guard how calls are led, by name. */
export const goldenNames = (): readonly string[] =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.replace(/\.json$/, ''))
    .toSorted();

const entrySchema = z.looseObject({ atMs: z.number() });
type Entry = z.infer<typeof entrySchema>;
const goldenSchema = z.object({ call: z.string(), entries: z.array(entrySchema) });

export const readGolden = (name: string): z.infer<typeof goldenSchema> =>
  goldenSchema.parse(JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')));

/** One entry a line, and one line for each thing that was done, so that a difference can be read. */
export function writeGolden(name: string, call: string, entries: readonly unknown[]): void {
  const lines = entrySchema.array().parse(entries).map(entryText).join(',\n');
  writeFileSync(
    join(FOLDER, `${name}.json`),
    `{"call": ${JSON.stringify(call)}, "entries": [\n${lines}\n]}\n`,
  );
}

function entryText(entry: Entry): string {
  const { did } = z.object({ did: z.array(z.string()).optional() }).parse(entry);
  if (!did) return JSON.stringify(entry);
  const done = did.map((line) => `    ${JSON.stringify(line)}`).join(',\n');
  return `  {"atMs":${entry.atMs},"did":[\n${done}]}`;
}

/** The same call with what today's code does about it. */
export function renewed(entries: readonly Entry[]): readonly Entry[] {
  const { steps, fault } = replay(readJournal(entries));
  if (fault !== undefined) throw new Error(`today's code has a fault: ${fault}`);
  const notes = entries.filter(({ type }) => type === 'note');
  const told = steps.flatMap(({ input, effects }): Entry[] => [
    { ...input },
    ...(effects.length === 0 ? [] : [{ atMs: input.atMs, did: effectLines(effects) }]),
  ]);
  const [head] = entries;
  const first = head && { ...head, code: codeVersion() };
  const rest = [...told];
  // A note stands behind what was done at its moment, or before it.
  for (const note of notes) {
    const place = rest.findLastIndex(({ atMs }) => atMs <= note.atMs);
    rest.splice(place + 1, 0, note);
  }
  return first ? [first, ...rest] : rest;
}
