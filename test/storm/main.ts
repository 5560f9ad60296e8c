import { parseArgs } from 'node:util';
import { messageOf } from '#lib/errors.ts';
import { runStorm } from './storm.ts';
import type { StormReport } from './storm.ts';

const USAGE =
  'Usage: npm run -s retell:storm -- [--json] [--calls 500] [--events 10000] [--kills 3] ' +
  '[--seconds 120] [--seed 1]';

/**
 * Sends a storm of Retell's webhooks at a real server that is killed and started again meanwhile. With
 * `--json` one object is the only output on stdout; progress is on stderr. Exits 0 if every record is
 * right and no forgery was believed, 1 if not, 2 for a wrong option.
 */
async function main(args: readonly string[]): Promise<number> {
  const options = read(args);
  if (typeof options === 'string') {
    process.stderr.write(`${options} ${USAGE}\n`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const report = await runStorm({
    ...options.numbers,
    onProgress: (line) => void process.stderr.write(`${line}\n`),
  });
  process.stdout.write(`${options.json ? JSON.stringify(report) : summary(report)}\n`);
  return report.ok ? 0 : 1;
}

const summary = (report: StormReport): string =>
  [
    `${report.ok ? 'Held' : 'Not held'}: ${report.events} webhooks of ${report.calls} calls, ` +
      `${report.kills} times killed, ${report.lost_deliveries} webhooks lost for good`,
    `${report.wrong_records} wrong records, ${report.forged_accepted} of ${report.forged} forgeries believed`,
    `answered within ${report.p50_answer_ms} ms (half) and ${report.p99_answer_ms} ms (99 of 100)`,
    ...report.wrong,
  ].join('\n');

function read(args: readonly string[]) {
  const count = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        json: { type: 'boolean' },
        help: { type: 'boolean' },
        calls: count,
        events: count,
        kills: count,
        seconds: count,
        seed: count,
      },
    });
    return {
      json: values.json ?? false,
      help: values.help ?? false,
      numbers: {
        calls: whole('calls', values.calls, 500, 1),
        events: whole('events', values.events, 10_000, 1),
        kills: whole('kills', values.kills, 3, 0),
        lengthMs: whole('seconds', values.seconds, 120, 1) * 1_000,
        seed: whole('seed', values.seed, 1, 0),
      },
    };
  } catch (error) {
    return messageOf(error);
  }
}

function whole(name: string, text: string | undefined, fallback: number, min: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (/^\d{1,7}$/.test(text) && value >= min) return value;
  throw new Error(`--${name} is a whole number from ${min} on.`);
}

// The server is a process of its own, and ends only with an exit of ours.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
