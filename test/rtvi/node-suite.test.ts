import { afterAll, beforeAll, describe, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { startSandbox } from '#sandbox/sandbox.ts';
import type { Sandbox } from '#sandbox/sandbox.ts';
import { openWorld } from '#test/e2e/support/world.ts';
import type { World } from '#test/e2e/support/world.ts';
import { suiteBrain } from './suite/brain.ts';
import { rtviCases } from './suite/cases.ts';
import { nodeDriver } from './suite/node-driver.ts';

let sandbox: Sandbox;
let world: World;
beforeAll(async () => {
  sandbox = await startSandbox({ clock: systemClock, brain: suiteBrain });
  world = await openWorld({ sandbox });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await sandbox.close();
});

const CASE_LIMIT_MS = 120_000;

describe("Pipecat's own client in Node", () => {
  for (const { sentence, run } of rtviCases)
    test(sentence, { timeout: CASE_LIMIT_MS }, () => run(nodeDriver(sandbox), world));
});
