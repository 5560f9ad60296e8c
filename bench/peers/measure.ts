import { CUT_IN, STORY } from '../script.ts';
import { benchCaller } from './caller.ts';
import type { BenchCaller, CutInRecord, TurnRecord } from './caller.ts';
import { experienceOf, judge, nextStep } from './figures.ts';
import type { Experience, Verdict } from './figures.ts';
import { truthOf } from './heard-words.ts';
import type { Truth } from './heard-words.ts';
import { usageOf } from './process-usage.ts';
import type { SystemUnderTest } from './system.ts';
import type { Shown, World } from './world.ts';

/** How long and how much; seconds and calls. */
export type Effort = {
  readonly warmUpSeconds: number;
  /** One call at a time: how many, and how long each. */
  readonly singleCalls: number;
  readonly singleCallSeconds: number;
  /** Calls at one time while CPU and memory are taken, and for how long. */
  readonly usageCalls: number;
  readonly usageSeconds: number;
  readonly firstStepCalls: number;
  readonly mostCalls: number;
  readonly stepSeconds: number;
};

export const FULL: Effort = {
  warmUpSeconds: 40,
  singleCalls: 3,
  singleCallSeconds: 80,
  usageCalls: 10,
  usageSeconds: 45,
  firstStepCalls: 10,
  mostCalls: 400,
  stepSeconds: 30,
};

/** Enough to see that everything works; its figures are rough. */
export const QUICK: Effort = {
  warmUpSeconds: 12,
  singleCalls: 1,
  singleCallSeconds: 60,
  usageCalls: 4,
  usageSeconds: 20,
  firstStepCalls: 4,
  mostCalls: 8,
  stepSeconds: 20,
};

/** What a call costs beyond what the server takes without any. */
export type Cost = { readonly cpuMsPerCallSecond: number; readonly mbPerCall: number };

export type Measured = {
  /** Of all single calls together. */
  readonly single: Experience;
  /** Of each of them. */
  readonly singles: readonly Experience[];
  /** Means over the interruptions; undefined where none was answered. */
  readonly truth: Truth | undefined;
  /** At `usageCalls`, the same for every system. */
  readonly cost: Cost;
  /** The most calls that were carried as well as one. */
  readonly callsUntilDegraded: number;
  /** At that many calls; undefined: at no number. */
  readonly costAtMost: Cost | undefined;
  /** Why there were no more. */
  readonly limitedBy: string;
};

/** A call begins with a connection to each vendor, which some make when they first need it. */
const SETTLING_MS = 8_000;
/** Memory is read when freed pages had time to be given back. */
const IDLE_MS = 5_000;
/** Between two calls that begin together: a burst of handshakes is another measurement. */
const STAGGER_MS = 150;

/** Everything about one system; nothing else may be measured meanwhile. */
export async function measure(
  system: SystemUnderTest,
  world: World,
  effort: Effort,
  say: (sentence: string) => void,
): Promise<Measured> {
  const callers = createCallers(system, world);
  const sleep = (seconds: number): Promise<void> => world.clock.sleep(seconds * 1_000);
  try {
    say('warming up');
    await callers.grow(1);
    await sleep(effort.warmUpSeconds);
    await callers.end();
    await world.clock.sleep(IDLE_MS);

    const meter = await costMeter(system, world);

    const calls: SingleCall[] = [];
    for (let nth = 1; nth <= effort.singleCalls; nth++) {
      say(`one call for ${effort.singleCallSeconds} s, ${nth} of ${effort.singleCalls}`);
      await world.takeShown();
      await callers.grow(1);
      await sleep(effort.singleCallSeconds);
      const { turns, cutIns } = callers.since(0);
      calls.push({ turns, cutIns, truths: truthsOf(cutIns, await world.takeShown(), world) });
      await callers.end();
    }
    const single = experienceOf(
      calls.flatMap(({ turns }) => turns),
      calls.flatMap(({ cutIns }) => cutIns),
    );
    if (!single.voiceToVoice) throw new Error('nobody ever answered the caller');

    say(`${effort.usageCalls} calls for ${effort.usageSeconds} s`);
    await callers.grow(effort.usageCalls);
    await world.clock.sleep(SETTLING_MS);
    meter.start();
    await sleep(effort.usageSeconds);
    const cost = meter.costOf(effort.usageCalls);

    return {
      single,
      singles: calls.map(({ turns, cutIns }) => experienceOf(turns, cutIns)),
      truth: meanOf(calls.flatMap(({ truths }) => truths)),
      cost,
      ...(await climb({ callers, meter, world, effort, say }, single.voiceToVoice.p95)),
    };
  } finally {
    await callers.end();
  }
}

type SingleCall = {
  readonly turns: readonly TurnRecord[];
  readonly cutIns: readonly CutInRecord[];
  readonly truths: readonly Truth[];
};

type CostMeter = {
  start(): void;
  /** Since the start, with so many calls all the while. */
  costOf(calls: number): Cost;
};

/** Looks how much the server takes while nobody calls, first. */
async function costMeter(system: SystemUnderTest, world: World): Promise<CostMeter> {
  const { clock } = world;
  const before = usageOf(system.pid);
  const beforeMs = clock.now();
  await clock.sleep(IDLE_MS);
  const idle = usageOf(system.pid);
  const idleCpuShare = (idle.cpuMs - before.cpuMs) / (clock.now() - beforeMs);
  let from = idle;
  let fromMs = clock.now();
  return {
    start() {
      from = usageOf(system.pid);
      fromMs = clock.now();
    },
    costOf(calls) {
      const to = usageOf(system.pid);
      const durationMs = clock.now() - fromMs;
      const cpuMs = to.cpuMs - from.cpuMs - idleCpuShare * durationMs;
      return {
        cpuMsPerCallSecond: Math.max(0, cpuMs) / calls / (durationMs / 1_000),
        mbPerCall: Math.max(0, to.memoryMb - idle.memoryMb) / calls,
      };
    },
  };
}

type Bench = {
  readonly callers: Callers;
  readonly meter: CostMeter;
  readonly world: World;
  readonly effort: Effort;
  readonly say: (sentence: string) => void;
};

/** Tries more and more calls, then the numbers between; a number that fails once is tried again. */
async function climb(
  bench: Bench,
  unloadedP95Ms: number,
): Promise<Pick<Measured, 'callsUntilDegraded' | 'costAtMost' | 'limitedBy'>> {
  const { callers, world, effort, say } = bench;
  let held = 0;
  let costAtMost: Cost | undefined;
  let tooMany: number | undefined;
  let limitedBy = 'the most that were tried';
  const limits = { first: effort.firstStepCalls, most: effort.mostCalls };
  for (;;) {
    const calls = nextStep(held, tooMany, limits);
    if (calls === undefined) return { callsUntilDegraded: held, costAtMost, limitedBy };
    let { verdict, cost } = await tryCalls(bench, calls, unloadedP95Ms);
    if (verdict.state !== 'holds') {
      say(`${calls} calls: ${verdict.why}; once more`);
      await callers.end();
      await world.clock.sleep(IDLE_MS);
      ({ verdict, cost } = await tryCalls(bench, calls, unloadedP95Ms));
    }
    say(`${calls} calls: ${verdict.state === 'holds' ? 'hold' : verdict.why}`);
    if (verdict.state === 'holds') {
      held = calls;
      costAtMost = cost;
      continue;
    }
    tooMany = calls;
    const who = verdict.state === 'generator-limit' ? 'the load generator' : 'the server';
    limitedBy = `${who}: at ${calls} calls ${verdict.why}`;
    // What was late is given time to end, or it would be counted against fewer calls.
    await callers.end();
    await world.clock.sleep(IDLE_MS);
  }
}

async function tryCalls(
  { callers, meter, world, effort }: Bench,
  calls: number,
  unloadedP95Ms: number,
): Promise<{ readonly verdict: Verdict; readonly cost: Cost }> {
  await callers.grow(calls);
  await world.forget();
  await world.clock.sleep(SETTLING_MS);
  await world.takeDelayMs();
  const fromMs = world.clock.now();
  meter.start();
  await world.clock.sleep(effort.stepSeconds * 1_000);
  const cost = meter.costOf(calls);
  const { turns, cutIns } = callers.since(fromMs);
  const step = {
    ...experienceOf(turns, cutIns),
    generatorDelayMs: await world.takeDelayMs(),
    droppedCalls: callers.dropped(),
  };
  return { verdict: judge(step, unloadedP95Ms), cost };
}

type Callers = {
  /** Until so many are on the phone; none are hung up. */
  grow(calls: number): Promise<void>;
  /** What those who are on the phone went through, in turns that were asked since. */
  since(fromMs: number): {
    readonly turns: readonly TurnRecord[];
    readonly cutIns: readonly CutInRecord[];
  };
  /** How many of them the server's side hung up on. */
  dropped(): number;
  /** All hang up. */
  end(): Promise<void>;
};

function createCallers(system: SystemUnderTest, world: World): Callers {
  let callers: BenchCaller[] = [];
  let seed = 1;
  return {
    async grow(calls) {
      while (callers.length < calls) {
        const caller = benchCaller({ clock: world.clock, acts: world.acts, seed: seed++ });
        callers.push(caller);
        system.dial(caller);
        await world.clock.sleep(STAGGER_MS);
      }
    },
    since: (fromMs) => ({
      turns: callers.flatMap(({ turns }) => turns.filter((turn) => turn.askedAtMs >= fromMs)),
      cutIns: callers.flatMap(({ cutIns }) => cutIns.filter((one) => one.askedAtMs >= fromMs)),
    }),
    dropped: () => callers.filter(({ dropped }) => dropped).length,
    async end() {
      for (const caller of callers) caller.hangUp();
      callers = [];
      await world.clock.sleep(1_000);
    },
  };
}

/** Interruptions of one call, each with the requests from it to the next one. */
function truthsOf(
  cutIns: readonly CutInRecord[],
  shown: readonly Shown[],
  world: World,
): readonly Truth[] {
  return cutIns.flatMap(({ askedAtMs, heard }, index) => {
    const ear = world.openEar({ encoding: 'mulaw', sampleRateHz: 8_000 });
    ear.write(heard);
    ear.end();
    const nextMs = cutIns[index + 1]?.askedAtMs ?? Infinity;
    const truth = truthOf({
      reply: STORY.reply,
      heard: ear.words.map(({ text }) => text),
      line: STORY.line,
      cutIn: CUT_IN.line,
      requests: shown.filter(({ atMs }) => atMs >= askedAtMs && atMs < nextMs),
    });
    return truth ? [truth] : [];
  });
}

function meanOf(truths: readonly Truth[]): Truth | undefined {
  if (truths.length === 0) return undefined;
  const mean = (of: (truth: Truth) => number): number =>
    truths.reduce((sum, truth) => sum + of(truth), 0) / truths.length;
  return { unheard: mean(({ unheard }) => unheard), missing: mean(({ missing }) => missing) };
}
