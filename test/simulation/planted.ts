import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

/*
 * Plants each bug of docs/simulation/planted in a copy of the program and shows that the simulation
 * finds it. Exits 0 if every one was found by the rule that its patch names, and nothing is found without.
 */

const root = join(import.meta.dirname, '..', '..');
const folder = join(root, 'docs', 'simulation', 'planted');
const SEED = 1;

const output = z.object({
  ok: z.boolean(),
  calls: z.number(),
  violations: z.array(z.object({ seed: z.number(), rule: z.string(), at_ms: z.number() })),
});

type Planted = {
  readonly name: string;
  readonly rule: string;
  readonly calls: number;
  readonly path: string;
};

function plantedBugs(): readonly Planted[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.patch'))
    .toSorted()
    .map((file) => {
      const path = join(folder, file);
      const text = readFileSync(path, 'utf8');
      const [, rule] = /^Breaks: (\S+)$/m.exec(text) ?? [];
      const [, calls] = /^Calls: (\d+)$/m.exec(text) ?? [];
      if (!rule || !calls) throw new Error(`${file} does not say which rule it breaks`);
      return { name: file.replace('.patch', ''), rule, calls: Number(calls), path };
    });
}

/** Plays calls on a copy with the bug; true: it was found. */
function find(bug: Planted): boolean {
  const copy = mkdtempSync(join(tmpdir(), 'hydracore-planted-'));
  try {
    for (const part of ['src', 'test', 'sandbox', 'package.json'])
      cpSync(join(root, part), join(copy, part), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    const patched = spawnSync('git', ['apply', '-C1', bug.path], { cwd: copy, encoding: 'utf8' });
    if (patched.status !== 0) throw new Error(`${bug.name} does not apply: ${patched.stderr}`);
    // A leak shows when all calls were played.
    const first = bug.rule === 'memory-floor' ? [] : ['--first'];
    const options = ['--calls', String(bug.calls), '--seed', String(SEED), '--json', ...first];
    const played = spawnSync(process.execPath, ['test/simulation/main.ts', ...options], {
      cwd: copy,
      encoding: 'utf8',
      maxBuffer: 64 * 1_048_576,
    });
    if (played.stdout === '') throw new Error(`${bug.name}: ${played.stderr.slice(-500)}`);
    const { violations, calls } = output.parse(JSON.parse(played.stdout));
    const found = violations.find(({ rule }) => rule === bug.rule);
    process.stdout.write(
      found
        ? `found      ${bug.name}: ${found.rule}, seed ${found.seed} at ${found.at_ms} ms, after ${calls} calls\n`
        : `NOT FOUND  ${bug.name}: ${calls} calls broke ${violations.map(({ rule }) => rule).join(', ') || 'no rule'}\n`,
    );
    return found !== undefined;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

const only = process.argv[2];
const bugs = plantedBugs().filter(({ name }) => only === undefined || name === only);
const found = bugs.filter((bug) => find(bug));
process.stdout.write(`${found.length} of ${bugs.length} were found.\n`);
process.exitCode = bugs.length > 0 && found.length === bugs.length ? 0 : 1;
