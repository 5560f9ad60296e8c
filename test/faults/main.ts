import { parseArgs } from 'node:util';
import { messageOf } from '#lib/errors.ts';
import { faultCases } from './cases.ts';
import { playCases } from './play.ts';
import { caseLine, faultsReport, summary } from './report.ts';
import { openFaultWorld } from './world.ts';

const USAGE =
  'Usage: npm run -s faults -- [--json] [--only text]   (--only: cases whose name contains the text)';

/**
 * Plays a call for every role × vendor × fault, with a second vendor behind it, in virtual time. With
 * `--json` one object is the only output on stdout. Exits 0 if every call survived, 1 if not, 2 for a
 * wrong option.
 */
async function main(args: readonly string[]): Promise<number> {
  const options = read(args);
  if (typeof options === 'string') {
    process.stderr.write(`${options} ${USAGE}\n`);
    return 2;
  }
  const { json = false, only = '', help = false } = options;
  if (help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const cases = faultCases().filter(({ name }) => name.includes(only));
  if (cases.length === 0) {
    process.stderr.write(`No case's name contains "${only}".\n`);
    return 2;
  }
  // With --json a person may still follow on stderr.
  const out = json ? process.stderr : process.stdout;
  await using world = await openFaultWorld();
  const results = await playCases(world, cases, (result) => {
    if (!json || process.stderr.isTTY) out.write(`${caseLine(result)}\n`);
  });
  const report = faultsReport(results);
  process.stdout.write(`${json ? JSON.stringify(report) : summary(report)}\n`);
  return report.ok ? 0 : 1;
}

function read(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        json: { type: 'boolean' },
        only: { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    return messageOf(error);
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
