import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '#lib/errors.ts';
import { registeredRoles } from '#test/support/registered-roles.ts';
import { conformanceOf, conformanceTable, vitestReportSchema } from './conformance.ts';
import type { VitestReport } from './conformance.ts';

const USAGE = 'Usage: npm run -s conformance -- [--json]';
const root = join(import.meta.dirname, '..', '..');

/**
 * Drives every vendor in every role through the contract of its role against the sandbox. With
 * `--json` one object is the only output. Exits 0 if all conform, 1 if not, 2 for a wrong option.
 */
async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const unknown = args.find((arg) => arg !== '--json');
  if (unknown !== undefined) {
    process.stderr.write(`Unknown option ${unknown}. ${USAGE}\n`);
    return 2;
  }
  const result = conformanceOf(await runContracts(contractTests()), registeredRoles());
  process.stdout.write(
    `${args.includes('--json') ? JSON.stringify(result) : conformanceTable(result)}\n`,
  );
  return result.ok ? 0 : 1;
}

/** The tests of the vendors that play a contract, by the import that brings it. */
const contractTests = (): readonly string[] =>
  readdirSync(join(root, 'src/vendors'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => join('src/vendors', path))
    .filter((path) => readFileSync(join(root, path), 'utf8').includes("'#test/contracts/"))
    .toSorted();

/** Runs Vitest on its own, so that what it and the tests print stays away from our stdout. */
async function runContracts(files: readonly string[]): Promise<VitestReport> {
  const folder = mkdtempSync(join(tmpdir(), 'hydracore-conformance-'));
  const report = join(folder, 'report.json');
  try {
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const child = spawn(
      process.execPath,
      [vitest, 'run', '--reporter=json', `--outputFile=${report}`, ...files],
      { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = `${complaint}${text}`.slice(-2_000);
    });
    await new Promise((resolve, reject) => child.on('close', resolve).on('error', reject));
    try {
      return vitestReportSchema.parse(JSON.parse(readFileSync(report, 'utf8')));
    } catch (error) {
      throw new Error(`Vitest left no report (${messageOf(error)}). ${complaint}`, {
        cause: error,
      });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
