import { messageOf } from '#lib/errors.ts';
import { journalOf } from '#test/support/recorded-talk.ts';
import { goldenNames, readGolden, renewed, writeGolden } from './golden.ts';
import { recordSpoken } from './spoken.ts';
import { talks } from './talks.ts';

const USAGE = `Usage: npm run -s replay:golden -- [--record]

Writes into the golden journals what today's code does about them: after a change that is meant.
\`git diff test/replay/golden\` then shows what it changes in calls.

  --record  has the spoken calls spoken anew, in real time (three minutes)
`;

/** Renews the golden journals. Exits 0, or 2 for a wrong option. */
async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(USAGE);
    return 0;
  }
  const unknown = args.find((arg) => arg !== '--record');
  if (unknown !== undefined) {
    process.stderr.write(`Unknown option ${unknown}. ${USAGE}`);
    return 2;
  }
  for (const [name, { call, play }] of Object.entries(talks))
    writeGolden(name, call, journalOf(play()));
  if (args.includes('--record')) await recordSpoken(writeGolden);
  else
    for (const name of goldenNames().filter((one) => !(one in talks))) {
      const { call, entries } = readGolden(name);
      writeGolden(name, call, renewed(entries));
    }
  process.stdout.write(`${goldenNames().length} journals written.\n`);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
