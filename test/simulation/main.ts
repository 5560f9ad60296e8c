import { parseArgs } from 'node:util';
import { messageOf } from '#lib/errors.ts';
import { openStage } from './batch.ts';
import { planOf } from './plan.ts';
import { playCall } from './play.ts';
import { violationsOf } from './rules/rules.ts';
import { runCalls } from './run.ts';
import type { RunResult } from './run.ts';
import { storyOf } from './story.ts';

const USAGE = `Usage: npm run -s simulate -- [--calls 1000] [--seed N] [--threads N] [--first] [--json]
       npm run -s simulate -- --seed N --trace

--calls    how many calls; each has a seed of its own, made of the run's and its number
--seed     of the run; by default a new one, which is printed
--first    stops at the first call that breaks a rule
--trace    plays the one call of this seed (as it stands in "violations") and tells its story
--json     one object on stdout and nothing else; progress goes to stderr`;

/**
 * Plays whole calls with faults in virtual time and judges each. Exits 0 if no rule was broken, 1 if one
 * was, 2 for a wrong option.
 */
async function main(args: readonly string[]): Promise<number> {
  const options = read(args);
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n${USAGE}\n`);
    return 2;
  }
  if (options.isHelp) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  return options.isTrace ? trace(options.seed) : run(options);
}

async function run({ calls, seed, threads, isJson, stopsAtFirst }: Options): Promise<number> {
  process.stderr.write(`seed ${seed}, ${calls} calls\n`);
  const every = Math.max(1, Math.floor(calls / 20));
  const result = await runCalls({
    calls,
    seed,
    stopsAtFirst,
    ...(threads === undefined ? {} : { threads }),
    onCall(played, violations) {
      for (const one of violations)
        process.stderr.write(`seed ${one.seed}, ${one.atMs} ms: ${one.rule}: ${one.what}\n`);
      if (played % every === 0) process.stderr.write(`${played} of ${calls}\n`);
    },
  });
  process.stdout.write(`${isJson ? JSON.stringify(reportOf(result)) : summaryOf(result)}\n`);
  return result.violations.length === 0 ? 0 : 1;
}

/** One call alone, for people. */
async function trace(seed: number): Promise<number> {
  await using stage = await openStage();
  await playCall({ ...planOf(1), store: 'memory' }, stage);
  const evidence = await playCall(planOf(seed), stage);
  const violations = violationsOf(evidence);
  process.stdout.write(`${storyOf(evidence, violations).join('\n')}\n`);
  return violations.length === 0 ? 0 : 1;
}

const reportOf = (result: RunResult) => ({
  ok: result.violations.length === 0,
  calls: result.calls,
  simulated_hours: Math.round(result.simulatedMs / 36_000) / 100,
  wall_seconds: Math.round(result.wallMs / 100) / 10,
  violations: result.violations.map(({ seed, rule, atMs }) => ({ seed, rule, at_ms: atMs })),
  coverage: result.coverage,
});

function summaryOf(result: RunResult): string {
  const { calls, simulated_hours: hours, wall_seconds: seconds } = reportOf(result);
  const count = (of: Readonly<Record<string, number>>): number => Object.keys(of).length;
  const { faults, states, transitions } = result.coverage;
  return [
    ...result.violations.map(
      ({ seed, rule, atMs, what }) => `seed ${seed}, ${atMs} ms: ${rule}: ${what}`,
    ),
    `${calls} calls, ${hours} hours of them, in ${seconds} s`,
    `${count(faults)} kinds of trouble, ${count(states)} states, ${count(transitions)} transitions`,
    result.violations.length === 0
      ? 'No rule was broken.'
      : `${result.violations.length} times a rule was broken.`,
  ].join('\n');
}

type Options = {
  readonly calls: number;
  readonly seed: number;
  readonly threads: number | undefined;
  readonly isJson: boolean;
  readonly stopsAtFirst: boolean;
  readonly isTrace: boolean;
  readonly isHelp: boolean;
};

/** The options, or what is wrong with them. */
function read(args: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        calls: { type: 'string' },
        seed: { type: 'string' },
        threads: { type: 'string' },
        json: { type: 'boolean' },
        first: { type: 'boolean' },
        trace: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
    const number = (name: 'calls' | 'seed' | 'threads', least: number): number | undefined => {
      const text = values[name];
      if (text === undefined) return undefined;
      const value = Number(text);
      if (!/^\d+$/.test(text) || value < least || value > 0xffff_ffff)
        throw new RangeError(`--${name} is a whole number from ${least} on.`);
      return value;
    };
    const seed = number('seed', 0);
    if (values.trace && seed === undefined) return '--trace needs the --seed of a call.';
    return {
      calls: number('calls', 1) ?? 1_000,
      seed: seed ?? Math.floor(Math.random() * 0xffff_ffff),
      threads: number('threads', 1),
      isJson: values.json ?? false,
      stopsAtFirst: values.first ?? false,
      isTrace: values.trace ?? false,
      isHelp: values.help ?? false,
    };
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
