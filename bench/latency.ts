/**
 * How long callers wait, measured on the sound that comes to their ears: voice-to-voice with replies
 * prepared on trial and without, the silence after they cut in, and how much of a turn's time is ours.
 *
 *   npm run -s bench:latency -- [--json] [--quick] [--repeats 3]
 */
import { parseArgs } from 'node:util';
import { systemClock } from '#lib/clock.ts';
import { measureLevel, voiceToVoiceMs } from './level.ts';
import { budgeted, budgetTable, machineNow, print, say, table } from './lib/output.ts';
import { distributionOf, spreadOf } from './lib/statistics.ts';
import type { Distribution, Spread } from './lib/statistics.ts';
import { cuttingIn } from './load/cutting-in.ts';
import { spacedDials } from './load/dialling.ts';
import type { Fleet } from './load/fleet.ts';
import { ownShares } from './own-share.ts';
import { firstClauseOf } from './script.ts';
import { openWorld } from './world.ts';
import type { World } from './world.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    repeats: { type: 'string' },
  },
});
const repeats = Number(values.repeats ?? (values.quick ? 1 : 3));
if (!Number.isInteger(repeats) || repeats < 1)
  throw new Error(`--repeats takes a whole number above 0, not "${values.repeats}".`);

/** So few that nobody waits for another one. */
const UNLOADED_CALLS = 10;
const OWN_SHARE_CALLS = values.quick ? [1, 50] : [1, 50, 100];
const WARM_UP_MS = values.quick ? 15_000 : 40_000;
const SETTLE_MS = 10_000;
const MEASURE_MS = values.quick ? 20_000 : 60_000;
const DIAL_EVERY_MS = 100;

type OwnShareLevel = {
  readonly calls: number;
  readonly turns: number;
  readonly total: Distribution;
  readonly think: Distribution;
  readonly speak: Distribution;
  readonly play: Distribution;
};
type Run = {
  readonly speculating: Distribution;
  readonly waiting: Distribution;
  readonly bargeIn: Distribution;
  readonly notSilenced: number;
  readonly failedTurns: number;
  readonly ownShare: readonly OwnShareLevel[];
};

async function run(): Promise<Run> {
  let failedTurns = 0;
  const speculating: number[] = [];
  const ownShare: OwnShareLevel[] = [];

  const talk = async (world: World, fleet: Fleet, calls: number, warmUpMs: number) => {
    await spacedDials({
      fleet,
      script: world.script,
      count: calls - fleet.liveCalls,
      overMs: (calls - fleet.liveCalls) * DIAL_EVERY_MS,
    });
    await systemClock.sleep(warmUpMs);
    await world.askMocks('/stamps');
    const { level, heard } = await measureLevel(world, fleet, MEASURE_MS);
    failedTurns += level.turns - level.outcomes.right;
    return heard;
  };

  const world = await openWorld({ say });
  try {
    const fleet = world.fleet(true);
    say('warming up');
    await talk(world, world.fleet(false), UNLOADED_CALLS, WARM_UP_MS);
    say('voice-to-voice without speculation');
    const waiting = (await talk(world, world.fleet(false), UNLOADED_CALLS, 0)).flatMap(
      voiceToVoiceMs,
    );
    await world.fleet(false).hangUp();
    for (const calls of OWN_SHARE_CALLS) {
      say(`own share, ${calls} calls`);
      const heard = await talk(world, fleet, calls, SETTLE_MS);
      const stamps = await world.askMocks('/stamps');
      const clauseOf = (reply: string): string => (firstClauseOf(reply) ?? reply).trim();
      const shares = ownShares(heard, stamps, { isEager: true, clauseOf });
      const of = (part: (share: (typeof shares)[number]) => number): Distribution =>
        distributionOf(shares.map(part));
      ownShare.push({
        calls,
        turns: shares.length,
        total: of(({ totalMs }) => totalMs),
        think: of(({ thinkMs }) => thinkMs),
        speak: of(({ speakMs }) => speakMs),
        play: of(({ playMs }) => playMs),
      });
      if (calls !== 1) continue;
      say('voice-to-voice with speculation');
      speculating.push(
        ...(await talk(world, fleet, UNLOADED_CALLS, SETTLE_MS)).flatMap(voiceToVoiceMs),
      );
    }
    await fleet.hangUp();

    say('cutting in');
    const { greetingAudio: greeting } = world.script;
    const interrupters = world.fleet(true);
    for (let nth = 0; nth < UNLOADED_CALLS; nth++)
      await interrupters.dial({
        greeting,
        next: cuttingIn(world.script, nth),
        firstPauseMs: nth * 1_200,
      });
    await systemClock.sleep(SETTLE_MS);
    interrupters.take();
    await systemClock.sleep(MEASURE_MS);
    const { cutIns, turns } = interrupters.take();
    failedTurns += turns.filter(({ outcome }) => outcome !== 'right').length;
    const silencedMs = cutIns.flatMap(({ silentAfterMs }) => silentAfterMs ?? []);
    return {
      speculating: distributionOf(speculating),
      waiting: distributionOf(waiting),
      bargeIn: distributionOf(silencedMs),
      notSilenced: cutIns.length - silencedMs.length,
      failedTurns,
      ownShare,
    };
  } finally {
    await world.close();
  }
}

const runs: Run[] = [];
for (let nth = 1; nth <= repeats; nth++) {
  say(`run ${nth} of ${repeats}`);
  runs.push(await run());
}

const of = (figure: (run: Run) => number): Spread => spreadOf(runs.map(figure));
const quantiles = (figure: (run: Run) => Distribution) => ({
  count: of((run) => figure(run).count),
  p50: of((run) => figure(run).p50),
  p95: of((run) => figure(run).p95),
  p99: of((run) => figure(run).p99),
});
const speculating = quantiles((run) => run.speculating);
const waiting = quantiles((run) => run.waiting);
const bargeIn = quantiles((run) => run.bargeIn);
const ownShare = OWN_SHARE_CALLS.map((calls, nth) => {
  const part = (name: 'total' | 'think' | 'speak' | 'play') =>
    quantiles((run) => {
      const level = run.ownShare[nth];
      if (!level) throw new Error('a level is missing');
      return level[name];
    });
  return {
    calls,
    total: part('total'),
    think: part('think'),
    speak: part('speak'),
    play: part('play'),
  };
});
const [most] = ownShare.slice(-1);
const budgets = [
  budgeted('voice-to-voice, p50', speculating.p50.median, 'ms', 900),
  budgeted('voice-to-voice, p95', speculating.p95.median, 'ms', 1_000),
  budgeted('cut in → silent, p50', bargeIn.p50.median, 'ms', 200),
  budgeted('cut in → silent, p95', bargeIn.p95.median, 'ms', 350),
  budgeted(
    `own share of a turn at ${most?.calls} calls, p99`,
    most?.total.p99.median ?? Number.NaN,
    'ms',
    5,
  ),
];
const failedTurns = runs.reduce((sum, run) => sum + run.failedTurns, 0);
const notSilenced = runs.reduce((sum, run) => sum + run.notSilenced, 0);
const result = {
  ok: failedTurns === 0 && notSilenced === 0,
  machine: machineNow(),
  date: new Date().toISOString(),
  repeats,
  voice_to_voice_ms: { speculating, waiting },
  barge_in_ms: bargeIn,
  not_silenced: notSilenced,
  failed_turns: failedTurns,
  own_share_ms: ownShare,
  budgets,
};
if (values.json) print(JSON.stringify(result));
else {
  print(`${result.machine}; medians of ${repeats} runs, in milliseconds\n`);
  print(
    table([
      ['', 'p50', 'p95', 'p99', 'turns a run'],
      row('voice-to-voice', speculating),
      row('voice-to-voice without speculation', waiting),
      row('cut in → silent', bargeIn),
      ...ownShare.flatMap(({ calls, total, think, speak, play }) => [
        row(`own share, ${calls} calls`, total),
        row('  … until the model is asked', think),
        row('  … until the voice is asked', speak),
        row('  … until the carrier has it', play),
      ]),
    ]),
  );
  print(`\nfailed turns: ${failedTurns}; not silenced: ${notSilenced}`);
  print(`\n${budgetTable(budgets)}`);
}
process.exit(result.ok ? 0 : 1);

function row(
  name: string,
  { p50, p95, p99, count }: ReturnType<typeof quantiles>,
): readonly string[] {
  const cell = ({ median, min, max }: Spread): string =>
    repeats === 1
      ? median.toFixed(1)
      : `${median.toFixed(1)} (${min.toFixed(1)}–${max.toFixed(1)})`;
  return [name, cell(p50), cell(p95), cell(p99), String(count.median)];
}
