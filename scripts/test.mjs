// `npm test`: format, lint, types, then every test. Ends with one line that counts them all.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const results = mkdtempSync(join(tmpdir(), 'hydracore-test-'));
const report = join(results, 'vitest.json');
const run = (name, command, args) => {
  process.stdout.write(`\n— ${name}\n`);
  const { status } = spawnSync(join('node_modules', '.bin', command), args, { stdio: 'inherit' });
  return status === 0;
};

let passed = 0;
let failed = 0;
let skipped = 0;
const count = (ok) => (ok ? passed++ : failed++);

const chosen = process.argv.slice(2);
if (chosen.length === 0) {
  count(run('format', 'oxfmt', ['--check', '.']));
  count(run('lint', 'oxlint', ['--type-aware']));
  count(run('types', 'tsc', ['-p', '.']));
  count(run('types of the console', 'tsc', ['-p', 'console']));
}
const testsOk = run('tests', 'vitest', [
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile=${report}`,
  ...chosen,
]);
try {
  const totals = JSON.parse(readFileSync(report, 'utf8'));
  passed += totals.numPassedTests;
  failed += totals.numFailedTests;
  skipped += totals.numPendingTests + totals.numTodoTests;
  // A suite that cannot even be loaded has no test that could fail.
  if (!testsOk && totals.numFailedTests === 0) failed++;
  for (const file of totals.testResults)
    for (const one of file.assertionResults)
      if (one.status === 'pending') process.stdout.write(`skipped: ${one.fullName}\n`);
} catch {
  failed++;
}
rmSync(results, { recursive: true, force: true });
process.stdout.write(
  `\n${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}\n`,
);
process.exit(failed === 0 ? 0 : 1);
