/**
 * How many calls one processor carries: calls are added until p95 of voice-to-voice has grown by 25 %
 * over the unloaded server's, or 0.5 % of the turns fail.
 *
 *   npm run -s bench:capacity -- [--json] [--quick] [--repeats 3] [--max-calls 400] [--step 25]
 */
import { parseArgs } from 'node:util';
import { systemClock } from '#lib/clock.ts';
import { limitOf } from './capacity-limit.ts';
import type { Limit } from './capacity-limit.ts';
import { measureLevel } from './level.ts';
import type { Level } from './level.ts';
import { budgeted, budgetTable, machineNow, print, say, table } from './lib/output.ts';
import { pinningOf } from './lib/processes.ts';
import { rounded, spreadOf } from './lib/statistics.ts';
import { spacedDials } from './load/dialling.ts';
import { measureRelay } from './relay/measure.ts';
import { openWorld } from './world.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    repeats: { type: 'string' },
    'max-calls': { type: 'string' },
    step: { type: 'string' },
  },
});
const whole = (name: 'repeats' | 'max-calls' | 'step', otherwise: number): number => {
  const value = Number(values[name] ?? otherwise);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`--${name} takes a whole number above 0, not "${values[name]}".`);
};
const repeats = whole('repeats', values.quick ? 1 : 3);
const maxCalls = whole('max-calls', values.quick ? 60 : 400);
const step = whole('step', 25);

/** Few enough to leave every processor idle, enough for a p95 within a minute. */
const UNLOADED_CALLS = 10;
/** Until the code of a whole turn has been compiled, and every text has been spoken once. */
const WARM_UP_MS = values.quick ? 15_000 : 40_000;
const UNLOADED_MS = values.quick ? 20_000 : 60_000;
const MEASURE_MS = values.quick ? 12_000 : 24_000;
/** From a call's beginning to its first turn. */
const SETTLE_MS = 10_000;
const DIAL_EVERY_MS = 100;
const RELAY_CALLS = 100;

type Run = {
  readonly levels: readonly Level[];
  /** The last level that was not too much. */
  readonly best: Level;
  readonly mbPerCall: number;
  readonly limit: Limit;
};

async function run(): Promise<Run> {
  const world = await openWorld({ say });
  try {
    const fleet = world.fleet(true);
    const add = (count: number): Promise<void> =>
      spacedDials({ fleet, script: world.script, count, overMs: count * DIAL_EVERY_MS });
    await add(UNLOADED_CALLS);
    await systemClock.sleep(WARM_UP_MS);
    const { level: unloaded } = await measureLevel(world, fleet, UNLOADED_MS);
    report(unloaded);
    const levels = [unloaded];
    for (;;) {
      if (fleet.liveCalls + step > maxCalls) {
        const detail = `no more than ${maxCalls} calls were asked for`;
        return summary(levels, { by: 'end of the range', detail });
      }
      await add(step);
      await systemClock.sleep(SETTLE_MS);
      let { level } = await measureLevel(world, fleet, MEASURE_MS);
      report(level);
      let limit = limitOf(level, unloaded);
      if (limit) {
        // Once more: a machine has bad moments of its own.
        ({ level } = await measureLevel(world, fleet, MEASURE_MS));
        report(level);
        limit = limitOf(level, unloaded);
      }
      if (limit) return summary(levels, limit, level);
      levels.push(level);
    }
  } finally {
    await world.close();
  }
}

function summary(good: readonly Level[], limit: Limit, tooMany?: Level): Run {
  const [unloaded] = good;
  const best = good.at(-1);
  if (!unloaded || !best) throw new Error('nothing was measured');
  const calls = best.calls - unloaded.calls;
  return {
    levels: tooMany ? [...good, tooMany] : good,
    best,
    mbPerCall: calls > 0 ? (best.residentMb - unloaded.residentMb) / calls : Number.NaN,
    limit,
  };
}

function report(level: Level): void {
  const { calls, voiceToVoiceMs: ms, failedShare, cpuMsPerCallSecond, residentMb } = level;
  const percent = (failedShare * 100).toFixed(2);
  const cost = `${cpuMsPerCallSecond.toFixed(2)} CPU ms per call-second, ${residentMb.toFixed(0)} MB`;
  const late = [level.serverDelayMs, level.callersDelayMs, level.vendorsDelayMs];
  const delays = late.map(({ p99 }) => p99.toFixed(0)).join('/');
  say(
    `${calls} calls: p50 ${ms.p50.toFixed(0)}, p95 ${ms.p95.toFixed(0)} ms of ${ms.count} turns, ${percent} % failed, ${cost}, event loops of server/callers/vendors late by ${delays} ms at p99`,
  );
}

const pinning = pinningOf();
const runs: Run[] = [];
for (let nth = 1; nth <= repeats; nth++) {
  say(`run ${nth} of ${repeats}`);
  runs.push(await run());
}
say('the bare relay');
const relays = [];
for (let nth = 1; nth <= repeats; nth++)
  relays.push(await measureRelay({ pinning, calls: RELAY_CALLS, measureMs: MEASURE_MS }));

const of = (figure: (run: Run) => number) => spreadOf(runs.map(figure));
const calls = of(({ best }) => best.calls);
const cpu = of(({ best }) => best.cpuMsPerCallSecond);
const memory = of(({ mbPerCall }) => mbPerCall);
const relayCpu = spreadOf(relays.map(({ cpuMsPerCallSecond }) => cpuMsPerCallSecond));
const relayMemory = spreadOf(relays.map(({ mbPerCall }) => mbPerCall));
const budgets = [
  budgeted('CPU per live call, at capacity', cpu.median, 'ms per call-second', 4),
  budgeted('memory per live call', memory.median, 'MB', 0.5),
];
const result = {
  ok: runs.every(({ best }) => best.failedShare <= 0.005),
  machine: machineNow(),
  date: new Date().toISOString(),
  pinned: pinning !== undefined,
  repeats,
  step,
  calls_per_core: calls,
  limits: runs.map(({ limit }) => limit),
  cpu_ms_per_call_second: cpu,
  mb_per_call: memory,
  relay: { cpu_ms_per_call_second: relayCpu, mb_per_call: relayMemory },
  cpu_over_relay: rounded(cpu.median / relayCpu.median, 2),
  budgets,
  runs: runs.map(({ levels }) => levels),
};
if (values.json) print(JSON.stringify(result));
else {
  print(`${result.machine}; ${pinning ? 'the server alone on one processor' : 'not pinned'}\n`);
  print(
    table([
      ['', 'median', 'min', 'max', 'bare relay'],
      row('calls per core', calls, '–', 0),
      row('CPU, ms per call-second', cpu, relayCpu.median.toFixed(2), 2),
      row('memory, MB per call', memory, relayMemory.median.toFixed(2), 2),
    ]),
  );
  for (const { limit } of runs) print(`\nlimit: ${limit.by}, ${limit.detail}`);
  print(`\n${budgetTable(budgets)}`);
}
process.exit(result.ok ? 0 : 1);

function row(
  name: string,
  { median, min, max }: typeof calls,
  floor: string,
  digits: number,
): readonly string[] {
  return [name, ...[median, min, max].map((value) => value.toFixed(digits)), floor];
}
