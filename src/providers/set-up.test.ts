import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import type { Channel, Store } from '#store/store.ts';
import { carrierWorld, incompleteProvider, ownerOf } from '#test/support/carrier-world.ts';
import { openTestStore } from '#test/support/store.ts';
import type { ChannelSetup } from './decisions.ts';
import { createKeyedLock } from './keyed-lock.ts';
import { setUpChannel } from './set-up.ts';
import { tearDownChannel } from './tear-down.ts';
import type { ChannelParts } from './wiring.ts';
import { createWiringWorker } from './wiring-worker.ts';

const live = { endAll: async (): Promise<void> => undefined };

// One store, one carrier and one clock for all tests: a job that one test leaves behind finds the
// same world when the worker of a later test does it.
const clock = virtualClock(Date.UTC(2026, 10, 20));
let stepsLeft = Number.POSITIVE_INFINITY;
const step = (): void => {
  if (stepsLeft-- <= 0) throw new Error('the process has died');
};
const world = carrierWorld([], step);
let store: Store;
let settings = 0;
beforeAll(async () => {
  store = await openTestStore({ clock });
});
afterAll(() => store.close());

/** An instance of a new tenant, and two numbers of its own. */
async function setting() {
  stepsLeft = Number.POSITIVE_INFINITY;
  world.faults.length = 0;
  settings += 1;
  const A = `+1415${String(5_550_000 + settings * 2)}`;
  const B = `+1415${String(5_550_001 + settings * 2)}`;
  for (const number of [A, B]) world.pointsAt.set(number, ownerOf(number));
  const tenantId = crypto.randomUUID();
  await store.ensureTenant(tenantId);
  const { id } = await store.instances.create(tenantId, {
    name: 'agent',
    agentConfig: agentConfigSchema.parse({}),
  });
  const parts = processOn(mortal(store));
  const complete: ChannelSetup = {
    provider: 'pipecat',
    twilioPhoneNumber: A,
    secrets: { openai_api_key: 'sk', twilio_auth_token: 'tok', cartesia_api_key: 'ca' },
  };
  return {
    A,
    B,
    complete,
    parts,
    tenantId,
    instanceId: id,
    ours: `https://voice.example/${id}`,
    changes: () => world.changes.filter((change) => change.startsWith(A) || change.startsWith(B)),
    setUp: (setup: ChannelSetup): Promise<Channel> => setUpChannel(parts, tenantId, id, setup),
    tearDown: () => tearDownChannel({ ...parts, live }, tenantId, id),
    channel: () => store.channels.get(tenantId, id),
    secrets: () => store.channels.secrets(tenantId, id),
  };
}

const processOn = (used: Store): ChannelParts => ({
  store: used,
  providers: { pipecat: world.provider, retell: incompleteProvider },
  clock,
  log: silentLog,
  lock: createKeyedLock(),
});

/** The store as a process sees it that may die before any of its writes. */
function mortal(whole: Store): Store {
  const guarded = <T extends object>(group: T): T =>
    new Proxy(group, {
      get(target, name, receiver) {
        const member: unknown = Reflect.get(target, name, receiver);
        if (typeof member !== 'function') return member;
        return async (...values: unknown[]): Promise<unknown> => {
          step();
          return Reflect.apply(member, target, values) as unknown;
        };
      },
    });
  return {
    ...whole,
    channels: guarded(whole.channels),
    wiringJobs: guarded(whole.wiringJobs),
  };
}

/** A process that does not die runs the worker until a quarter of an hour has passed. */
async function settle(): Promise<ChannelParts> {
  stepsLeft = Number.POSITIVE_INFINITY;
  const parts = processOn(store);
  const worker = createWiringWorker({ ...parts, random: () => 0.5 });
  for (let round = 0; round < 5; round += 1) {
    await clock.advance(180_000);
    await worker.runDue();
  }
  return parts;
}

test('a complete setup points the number at us and is active', async () => {
  const at = await setting();
  const { A, complete } = at;
  const channel = await at.setUp(complete);
  expect(channel).toMatchObject({ status: 'active', enabled: true, errorMessage: null });
  expect(world.pointsAt.get(A)).toBe(at.ours);
});

test('a setup with a warning is degraded, one that is not enough is incomplete', async () => {
  const at = await setting();
  expect(await at.setUp({ secrets: {} })).toMatchObject({
    provider: 'retell',
    status: 'incomplete',
    enabled: false,
    errorMessage: 'Missing: a key: api_key',
  });
  const warned = await at.setUp({
    ...at.complete,
    secrets: { openai_api_key: 'sk', twilio_auth_token: 'tok' },
  });
  expect(warned).toMatchObject({ status: 'degraded', enabled: true });
});

test('a refused setup of a new channel stores nothing', async () => {
  const at = await setting();
  const { complete } = at;
  world.faults.push('refuse');
  await expect(at.setUp(complete)).rejects.toMatchObject({
    code: 'invalid',
    faults: [{ loc: ['body', 'twilio_auth_token'], type: 'value_error' }],
  });
  expect(await at.channel()).toBeUndefined();
});

test('a refused change leaves the channel, its secrets and its wiring as they were', async () => {
  const at = await setting();
  const { A, B, complete } = at;
  const before = await at.setUp(complete);
  world.faults.push('refuse');
  await expect(
    at.setUp({
      twilioPhoneNumber: B,
      secrets: { twilio_auth_token: 'wrong', google_api_key: 'new' },
    }),
  ).rejects.toThrow('wrong credentials');
  expect(await at.channel()).toMatchObject({
    twilioPhoneNumber: A,
    status: 'active',
    enabled: true,
    wiring: before.wiring,
  });
  expect(await at.secrets()).toEqual(complete.secrets);
  await settle();
  expect(world.pointsAt.get(A)).toBe(at.ours);
  expect(world.pointsAt.get(B)).toBe(ownerOf(B));
});

test('an unreachable carrier leaves the channel pending until it can be reached', async () => {
  const at = await setting();
  const { complete } = at;
  world.faults.push('unreachable', 'unreachable', 'unreachable');
  expect(await at.setUp(complete)).toMatchObject({
    status: 'pending',
    errorMessage: 'the carrier is down',
  });
  await settle();
  expect(await at.channel()).toMatchObject({ status: 'active', errorMessage: null });
});

test('what is refused only after the setup was answered becomes an error with its reason', async () => {
  const at = await setting();
  const { complete } = at;
  world.faults.push('unreachable', 'refuse');
  await at.setUp(complete);
  await settle();
  expect(await at.channel()).toMatchObject({
    status: 'error',
    enabled: false,
    errorMessage: 'twilio_auth_token: wrong credentials',
  });
});

test('a line in use stays open while its carrier cannot be reached for a change', async () => {
  const at = await setting();
  const { complete } = at;
  await at.setUp(complete);
  world.faults.push('unreachable');
  expect(await at.setUp({ secrets: { google_api_key: 'g' } })).toMatchObject({
    status: 'pending',
    enabled: true,
  });
});

test('moving to another number puts the old one back', async () => {
  const at = await setting();
  const { A, B, complete } = at;
  await at.setUp(complete);
  await at.setUp({ twilioPhoneNumber: B, secrets: {} });
  expect(world.pointsAt.get(A)).toBe(ownerOf(A));
  expect(world.pointsAt.get(B)).toBe(at.ours);
});

test('moving away and back again, nothing of the way is undone late', async () => {
  const at = await setting();
  const { A, B, complete } = at;
  await at.setUp(complete);
  await at.setUp({ twilioPhoneNumber: B, secrets: {} });
  await at.setUp({ twilioPhoneNumber: A, secrets: {} });
  await settle();
  expect(world.pointsAt.get(A)).toBe(at.ours);
  expect(world.pointsAt.get(B)).toBe(ownerOf(B));
  await at.tearDown();
  expect(world.pointsAt.get(A)).toBe(ownerOf(A));
});

test('taking the auth token away undoes the wiring while that is still possible', async () => {
  const at = await setting();
  const { A, complete } = at;
  await at.setUp(complete);
  await at.setUp({ secrets: { twilio_auth_token: null, openai_api_key: null } });
  expect(world.pointsAt.get(A)).toBe(ownerOf(A));
});

test('a change of provider undoes what the old one did', async () => {
  const at = await setting();
  const { A, complete } = at;
  await at.setUp(complete);
  expect(await at.setUp({ provider: 'retell', secrets: {} })).toMatchObject({
    provider: 'retell',
    status: 'incomplete',
  });
  expect(world.pointsAt.get(A)).toBe(ownerOf(A));
});

test('a teardown erases everything and puts the number back, once', async () => {
  const at = await setting();
  const { A, complete } = at;
  await at.setUp(complete);
  expect(await at.tearDown()).toBe(true);
  expect(await at.channel()).toBeUndefined();
  expect(world.pointsAt.get(A)).toBe(ownerOf(A));
  expect(await at.tearDown()).toBe(false);
  await settle();
  expect(at.changes()).toHaveLength(2);
});

test('a teardown while the carrier is down is undone later', async () => {
  const at = await setting();
  const { A, complete } = at;
  await at.setUp(complete);
  world.faults.push('unreachable', 'unreachable');
  await at.tearDown();
  expect(world.pointsAt.get(A)).not.toBe(ownerOf(A));
  await settle();
  expect(world.pointsAt.get(A)).toBe(ownerOf(A));
});

test('calls that do not end do not keep a teardown for ever', async () => {
  const at = await setting();
  const { complete } = at;
  await at.setUp(complete);
  const endless = { endAll: () => new Promise<void>(() => undefined) };
  const torn = tearDownChannel({ ...at.parts, live: endless }, at.tenantId, at.instanceId);
  await vi.waitFor(() => expect(clock.pending).toBe(1));
  await clock.advance(15_000);
  expect(await torn).toBe(true);
  expect(clock.pending).toBe(0);
});

test('setups of one instance at the same time run one after another', async () => {
  const at = await setting();
  const { A, B } = at;
  const setups = [A, B, A, B].map((twilioPhoneNumber) =>
    at.setUp({ ...at.complete, twilioPhoneNumber }),
  );
  const channels = await Promise.all(setups);
  expect(channels.map((channel) => channel.twilioPhoneNumber)).toEqual([A, B, A, B]);
  expect(channels.every((channel) => channel.status === 'active')).toBe(true);
  expect(world.pointsAt.get(A)).toBe(ownerOf(A));
});

type Action = 'complete' | 'move' | 'add key' | 'take key' | 'give key' | 'retell' | 'tear down';
const actions: readonly Action[] = [
  'complete',
  'move',
  'add key',
  'take key',
  'give key',
  'retell',
  'tear down',
];

/** Does `first`, then `last` in a process that dies after so many steps; answers whether it got to the end. */
async function dieDuring(
  first: readonly Action[],
  last: Action,
  steps: number,
  faults: readonly ('up' | 'unreachable')[],
): Promise<boolean> {
  const at = await setting();
  const setups: Readonly<Record<Exclude<Action, 'tear down'>, ChannelSetup>> = {
    complete: at.complete,
    move: { twilioPhoneNumber: at.B, secrets: {} },
    'add key': { secrets: { google_api_key: 'g' } },
    'take key': { secrets: { openai_api_key: null } },
    'give key': { secrets: { openai_api_key: 'sk' } },
    retell: { provider: 'retell', secrets: {} },
  };
  const run = (action: Action): Promise<unknown> =>
    action === 'tear down' ? at.tearDown() : at.setUp(setups[action]);
  for (const action of first) await run(action);
  world.faults.push(...faults);
  stepsLeft = steps;
  const isAlive = await run(last).then(
    () => true,
    () => false,
  );
  const survivor = await settle();
  world.faults.length = 0;

  const channel = await at.channel();
  expect(channel?.status).not.toBe('pending');
  const number = channel?.provider === 'pipecat' ? channel.twilioPhoneNumber : undefined;
  for (const other of [at.A, at.B])
    if (other !== number) expect(world.pointsAt.get(other)).toBe(ownerOf(other));
  if (channel?.status === 'active' && number) expect(world.pointsAt.get(number)).toBe(at.ours);
  // What was there before is still known: taking the channel away puts it back.
  await tearDownChannel({ ...survivor, live }, at.tenantId, at.instanceId);
  for (const each of [at.A, at.B]) expect(world.pointsAt.get(each)).toBe(ownerOf(each));
  return isAlive;
}

test.each<[Action, readonly Action[]]>([
  ['complete', []],
  ['move', ['complete']],
  ['give key', ['complete', 'take key']],
  ['retell', ['complete']],
  ['tear down', ['complete']],
])(
  'at whatever step of "%s" the process dies, carrier and store agree in the end',
  async (last, first) => {
    let steps = 0;
    while (!(await dieDuring(first, last, steps, []))) steps += 1;
    expect(steps).toBeGreaterThan(3);
  },
);

test('nothing is lost either when the carrier is away while the process dies', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...actions), { maxLength: 3 }),
      fc.constantFrom(...actions),
      fc.nat(12),
      fc.array(fc.constantFrom('up' as const, 'unreachable' as const), { maxLength: 3 }),
      async (first, last, steps, faults) =>
        void (await dieDuring(['complete', ...first], last, steps, faults)),
    ),
    { numRuns: 60 },
  );
}, 120_000);
