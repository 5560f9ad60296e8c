import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import type { Store } from '#store/store.ts';
import { carrierWorld, incompleteProvider } from '#test/support/carrier-world.ts';
import { openTestStore } from '#test/support/store.ts';
import { createKeyedLock } from './keyed-lock.ts';
import { setUpChannel } from './set-up.ts';
import { createWiringWorker } from './wiring-worker.ts';
import type { WiringWorker, WiringWorkerParts } from './wiring-worker.ts';

const NUMBER = '+14155550101';
let clock: VirtualClock;
let store: Store;
const workers: WiringWorker[] = [];
beforeEach(async () => {
  clock = virtualClock(Date.UTC(2026, 10, 20));
  store = await openTestStore({ clock });
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  await store.close();
});

/** A busy machine takes its time; a test that is right ends long before. */
const PATIENTLY = { timeout: 20_000 };

function workerOf(parts: WiringWorkerParts): WiringWorker {
  const worker = createWiringWorker(parts);
  workers.push(worker);
  return worker;
}

/** A pending channel, whose carrier is away for so many tries. */
async function pending(failures: number) {
  const world = carrierWorld([NUMBER]);
  const tenantId = crypto.randomUUID();
  await store.ensureTenant(tenantId);
  const { id } = await store.instances.create(tenantId, {
    name: 'agent',
    agentConfig: agentConfigSchema.parse({}),
  });
  const parts = {
    store,
    providers: { pipecat: world.provider, retell: incompleteProvider },
    clock,
    log: silentLog,
    lock: createKeyedLock(),
    random: () => 0.999,
  };
  world.faults.push(...Array.from({ length: failures }, () => 'unreachable' as const));
  await setUpChannel(parts, tenantId, id, {
    provider: 'pipecat',
    twilioPhoneNumber: NUMBER,
    secrets: { openai_api_key: 'sk', cartesia_api_key: 'ca' },
  });
  const status = async (): Promise<string | undefined> =>
    (await store.channels.get(tenantId, id))?.status;
  return { parts, status, world };
}

test('a started worker does what is due, at its next look, and again until it works', async () => {
  const { parts, status } = await pending(3);
  const worker = workerOf(parts);
  worker.start();
  await vi.waitFor(async () => {
    await clock.advance(5_000);
    expect(await status()).toBe('active');
  }, PATIENTLY);
});

test('tries grow further apart while the carrier stays away', async () => {
  const { parts, status, world } = await pending(1_000);
  const worker = workerOf(parts);
  const triedAtS: number[] = [];
  for (let second = 0; second < 120; second += 1) {
    const left = world.faults.length;
    await worker.runDue();
    if (world.faults.length < left) triedAtS.push(second);
    await clock.advance(1_000);
  }
  expect(triedAtS).toEqual([2, 4, 8, 16, 32, 64]);
  expect(await status()).toBe('pending');
});

test('a kick makes a started worker look at once, and does nothing to one that is not', async () => {
  const { parts, status } = await pending(1);
  const worker = workerOf(parts);
  await clock.advance(4_000);
  worker.kick();
  expect(clock.pending).toBe(0);
  expect(await status()).toBe('pending');
  worker.start();
  worker.kick();
  await vi.waitFor(async () => expect(await status()).toBe('active'), PATIENTLY);
});

test('a stopped worker leaves no timer behind and begins nothing', async () => {
  const { parts, status } = await pending(1);
  const worker = workerOf(parts);
  worker.start();
  await worker.stop();
  expect(clock.pending).toBe(0);
  await clock.advance(60_000);
  worker.kick();
  expect(await worker.runDue()).toBe(0);
  expect(await status()).toBe('pending');
});
