import type { Fault, Outage } from '#sandbox/faults.ts';
import type { CallFaults } from '#sandbox/carrier/faults.ts';
import { createRandom } from '#sandbox/lib/random.ts';
import type { Random } from '#sandbox/lib/random.ts';

/** A vendor of the simulated registry, and when and how it goes wrong. Times count from the ring. */
export type VendorTrouble = {
  readonly vendor: string;
  readonly fault: Fault | Outage;
  readonly atMs: number;
  /** When it is over; undefined: never. */
  readonly untilMs: number | undefined;
};

export type StoreTrouble = {
  /** `lost-answer`: the write is done, and whoever asked for it is told that it failed. */
  readonly kind: 'error' | 'stall' | 'lost-answer';
  readonly fromMs: number;
  readonly untilMs: number;
  /** Of a stall. */
  readonly stallMs: number;
};

export type CallerPlan = {
  /** How often it says something before it says goodbye. */
  readonly turns: number;
  /** Hangs up then, whatever happens; undefined: not. Since the ring. */
  readonly hangUpAtMs: number | undefined;
  /** How likely each thing is while the agent speaks; what is left is listening. */
  readonly interjections: Readonly<Record<Interjection, number>>;
  /** Says nothing at all where an answer is due, with this likelihood. */
  readonly silence: number;
  readonly isHesitant: boolean;
  readonly reactionMs: number;
  readonly waitsForTheAgentsGoodbye: boolean;
};

export type Interjection = 'interrupt' | 'backchannel' | 'cough' | 'noise' | 'key' | 'hang-up';

export type NodeTrouble =
  | { readonly kind: 'drain'; readonly atMs: number; readonly limitMs: number }
  | { readonly kind: 'kill'; readonly atMs: number; readonly backAfterMs: number };

/** All that is random in a call, drawn before it begins; what is drawn later comes from `seed`, too. */
export type CallPlan = {
  readonly seed: number;
  readonly agent: Readonly<Record<string, unknown>>;
  readonly caller: CallerPlan;
  readonly carrier: CallFaults;
  /** Requests of the carrier that never arrive: the first is its first question. */
  readonly lostWebhooks: readonly number[];
  /** The carrier's REST API answers 503. */
  readonly restIsDown: boolean;
  readonly vendors: readonly VendorTrouble[];
  readonly store: 'memory' | 'pglite';
  readonly storeTroubles: readonly StoreTrouble[];
  readonly node: NodeTrouble | undefined;
  readonly owner: { readonly kind: 'hang-up' | 'end-all'; readonly atMs: number } | undefined;
  readonly pace: { readonly model: number; readonly voice: number; readonly recogniser: number };
};

export const RECOGNISERS = ['flux', 'nova', 'latent'] as const;
export const MODELS = ['quick', 'steady'] as const;
export const VOICES = ['timed', 'prompt', 'plain'] as const;
/** Tells no word times. */
export const UNTIMED_VOICE = 'plain';

/** One call in so many writes to the real store. */
const PGLITE_EVERY = 25;

/** The plan of one call: the same for the same seed. */
export function planOf(seed: number): CallPlan {
  const random = createRandom(seed);
  const chance = (share: number): boolean => random.next() < share;
  const isCalm = chance(0.25);
  const trouble = (share: number): boolean => chance(share) && !isCalm;
  const at = (untilMs = 45_000): number => random.int(0, untilMs);
  return {
    seed,
    agent: agentOf(random),
    caller: callerOf(random),
    carrier: carrierOf(random, trouble),
    lostWebhooks: trouble(0.05) ? [random.int(0, 3)] : [],
    restIsDown: trouble(0.05),
    vendors: vendorTroublesOf(random, trouble),
    store: random.int(1, PGLITE_EVERY) === 1 ? 'pglite' : 'memory',
    storeTroubles: trouble(0.2)
      ? Array.from({ length: random.int(1, 3) }, () => storeTroubleOf(random))
      : [],
    node: trouble(0.08)
      ? chance(0.5)
        ? { kind: 'drain', atMs: at(), limitMs: random.int(0, 20_000) }
        : { kind: 'kill', atMs: at(), backAfterMs: random.int(200, 6_000) }
      : undefined,
    owner: trouble(0.06) ? { kind: chance(0.5) ? 'hang-up' : 'end-all', atMs: at() } : undefined,
    pace: {
      model: 0.5 + random.next() * 1.5,
      voice: 0.5 + random.next() * 1.5,
      recogniser: 0.5 + random.next() * 1.5,
    },
  };
}

function agentOf(random: Random): Readonly<Record<string, unknown>> {
  const chance = (share: number): boolean => random.next() < share;
  const order = (names: readonly string[]): readonly string[] => {
    const shuffled = names
      .map((name) => ({ name, key: random.next() }))
      .toSorted((one, two) => one.key - two.key)
      .map(({ name }) => name);
    return chance(0.2) ? shuffled.slice(0, 1) : shuffled;
  };
  return {
    greeting: chance(0.1) ? '' : 'Hello there, this is the front desk speaking. How may I help?',
    voice: {
      stt: order(RECOGNISERS),
      llm: order(MODELS),
      tts: order(VOICES),
      speculation: chance(0.8),
      greeting_interruptible: chance(0.8),
      barge_in: { enabled: chance(0.93) },
      max_call_seconds: chance(0.05) ? random.int(30, 60) : 600,
      idle: { prompt_after_ms: random.int(5_000, 12_000) },
      ...(chance(0.1) && { tool_filler: '' }),
    },
    ...(chance(0.2) && {
      transfer_numbers: [{ name: 'desk', description: 'A person.', number: '+12025550111' }],
    }),
  };
}

function callerOf(random: Random): CallerPlan {
  const chance = (share: number): boolean => random.next() < share;
  const liveliness = random.next();
  return {
    turns: random.int(0, 5),
    hangUpAtMs: chance(0.3) ? random.int(0, 60_000) : undefined,
    interjections: {
      interrupt: 0.3 * liveliness,
      backchannel: 0.25 * liveliness,
      cough: 0.08 * liveliness,
      noise: 0.05 * liveliness,
      key: 0.06 * liveliness,
      'hang-up': 0.03 * liveliness,
    },
    silence: chance(0.2) ? 0.4 : 0.03,
    isHesitant: chance(0.4),
    reactionMs: random.int(150, 1_500),
    waitsForTheAgentsGoodbye: chance(0.6),
  };
}

function carrierOf(random: Random, trouble: (share: number) => boolean): CallFaults {
  const untilMs = 40_000;
  return {
    seed: random.int(1, 1_000_000),
    delayMs: random.int(10, 60),
    jitterMs: trouble(0.1) ? random.int(50, 400) : random.int(0, 20),
    ...(trouble(0.05) && { lossRate: random.next() * 0.03 }),
    ...(trouble(0.05) && { socketDiesAtMs: random.int(0, untilMs) }),
    ...(trouble(0.04) && { socketFreezesAtMs: random.int(0, untilMs) }),
    ...(trouble(0.1) && { duplicateWebhooks: true }),
    ...(trouble(0.1) && { lateStatusMs: random.int(1_000, 20_000) }),
  };
}

function vendorTroublesOf(
  random: Random,
  trouble: (share: number) => boolean,
): readonly VendorTrouble[] {
  return [...RECOGNISERS, ...MODELS, ...VOICES]
    .filter(() => trouble(0.13))
    .map((vendor) => {
      const atMs = random.next() < 0.4 ? 0 : random.int(0, 40_000);
      return {
        vendor,
        fault: faultOf(random),
        atMs,
        untilMs: random.next() < 0.5 ? atMs + random.int(0, 15_000) : undefined,
      };
    });
}

function faultOf(random: Random): Fault | Outage {
  const kinds: readonly (Fault | Outage)[] = [
    { kind: 'refuse' },
    { kind: 'quota' },
    { kind: 'limit' },
    { kind: 'server-error' },
    { kind: 'reset' },
    { kind: 'half-open' },
    { kind: 'slow', delayMs: random.int(300, 8_000) },
    { kind: 'die', afterMessages: random.int(1, 25) },
    { kind: 'fail', afterMessages: random.int(1, 25) },
    { kind: 'garble', message: random.int(1, 20) },
    { kind: 'reorder', message: random.int(1, 20) },
    { kind: 'down' },
  ];
  return kinds[random.int(0, kinds.length - 1)] ?? { kind: 'down' };
}

function storeTroubleOf(random: Random): StoreTrouble {
  const kinds = ['error', 'stall', 'lost-answer'] as const;
  const fromMs = random.int(0, 40_000);
  return {
    kind: kinds[random.int(0, 2)] ?? 'error',
    fromMs,
    untilMs: fromMs + random.int(50, 12_000),
    stallMs: random.int(200, 8_000),
  };
}

/** The seed of the n-th call of a run, far from those of its neighbours and of other runs. */
export function seedOfCall(runSeed: number, index: number): number {
  let mixed = Math.imul(runSeed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x2c1b3c6d);
  mixed ^= mixed >>> 12;
  return mixed >>> 0;
}
