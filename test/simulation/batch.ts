import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Store } from '#store/store.ts';
import { openTestStore } from '#test/support/store.ts';
import { addCoverage, coverageOf, NO_COVERAGE } from './coverage.ts';
import type { Coverage } from './coverage.ts';
import { planOf, seedOfCall } from './plan.ts';
import { playCall } from './play.ts';
import type { Stage } from './play.ts';
import { violationsOf } from './rules/rules.ts';
import type { Violation } from './rules/rule.ts';
import { memoryStore } from './world/memory-store.ts';
import { compileToolSchemas } from './world/tools.ts';
import { openRestDoor } from './world/rest-door.ts';

export type SeededViolation = Violation & { readonly seed: number };

/** What some calls of a run came to. */
export type BatchResult = {
  readonly calls: number;
  readonly simulatedMs: number;
  readonly violations: readonly SeededViolation[];
  readonly coverage: Coverage;
  /** Memory that was in use after garbage was collected, along the way. */
  readonly heaps: readonly HeapSample[];
};

export type HeapSample = {
  readonly seed: number;
  readonly calls: number;
  readonly usedBytes: number;
};

export type BatchOptions = {
  readonly runSeed: number;
  /** Numbers of the calls in the run. */
  readonly calls: readonly number[];
  readonly onCall?: (violations: readonly SeededViolation[]) => void;
};

/** Memory is measured this often; the first calls fill caches that stay. */
const SAMPLE_EVERY = 100;

/** What calls share: one database, one door of the carrier's REST API. */
export async function openStage(): Promise<Stage & AsyncDisposable> {
  const rest = await openRestDoor();
  let real: Promise<Store> | undefined;
  await compileToolSchemas();
  return {
    rest,
    openStore: async (kind, clock) =>
      kind === 'memory' ? memoryStore(clock) : await (real ??= openTestStore()),
    async [Symbol.asyncDispose]() {
      await rest[Symbol.asyncDispose]();
      await (await real)?.close();
    },
  };
}

/** Plays calls one after the other, each judged by every rule. */
export async function playBatch(stage: Stage, options: BatchOptions): Promise<BatchResult> {
  const violations: SeededViolation[] = [];
  const heaps: HeapSample[] = [];
  let coverage = NO_COVERAGE;
  let simulatedMs = 0;
  // What is loaded by the first call of a process takes real time in the middle of it.
  await playCall({ ...planOf(1), store: 'memory' }, stage);
  for (const [index, number] of options.calls.entries()) {
    const seed = seedOfCall(options.runSeed, number);
    const evidence = await playCall(planOf(seed), stage);
    const found = violationsOf(evidence).map((violation) => ({ seed, ...violation }));
    violations.push(...found);
    simulatedMs += evidence.simulatedMs;
    coverage = addCoverage(coverage, coverageOf(evidence));
    options.onCall?.(found);
    if ((index + 1) % SAMPLE_EVERY === 0)
      heaps.push({ seed, calls: index + 1, usedBytes: await usedAfterGc() });
  }
  return { calls: options.calls.length, simulatedMs, violations, coverage, heaps };
}

/** The engine's own collector, without a flag on the command line. */
const collectGarbage = (): void => {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
};

async function usedAfterGc(): Promise<number> {
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
