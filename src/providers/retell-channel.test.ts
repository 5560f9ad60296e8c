import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import { agentOf, newestOf } from '#sandbox/retell/workspace.ts';
import type { Channel, Store } from '#store/store.ts';
import { carrierWorld } from '#test/support/carrier-world.ts';
import { noCalls } from '#test/support/channel-world.ts';
import { openRetellWorld, RETELL_PHONE } from '#test/support/retell-world.ts';
import type { RetellWorld } from '#test/support/retell-world.ts';
import { openTestStore } from '#test/support/store.ts';
import type { ChannelSetup } from './decisions.ts';
import { createKeyedLock } from './keyed-lock.ts';
import { setUpChannel } from './set-up.ts';
import { tearDownChannel } from './tear-down.ts';
import { createWiringWorker } from './wiring-worker.ts';

const THEIRS = 'https://theirs.example.test/events';

let clock: VirtualClock;
let store: Store;
let world: RetellWorld;
let tenantId: string;
let instanceId: string;
beforeEach(async () => {
  clock = virtualClock(Date.UTC(2026, 10, 20));
  [store, world] = await Promise.all([openTestStore({ clock }), openRetellWorld()]);
  tenantId = crypto.randomUUID();
  await store.ensureTenant(tenantId);
  const instance = await store.instances.create(tenantId, {
    name: 'agent',
    agentConfig: agentConfigSchema.parse({}),
  });
  instanceId = instance.id;
});
afterEach(async () => {
  await Promise.all([store.close(), world.close()]);
});

/** As a process has them that has just started: it knows nothing but the store. */
const parts = () => ({
  store,
  providers: { pipecat: carrierWorld(['+14155550177']).provider, retell: world.provider },
  clock,
  log: silentLog,
  lock: createKeyedLock(),
});
const setUp = (setup: Partial<ChannelSetup> = {}): Promise<Channel> =>
  setUpChannel(parts(), tenantId, instanceId, {
    secrets: world.secrets(),
    ...setup,
  });
const tearDown = (): Promise<boolean> =>
  tearDownChannel({ ...parts(), live: noCalls }, tenantId, instanceId);
/** Another process does what is due by then. */
async function restartAndSettle(): Promise<void> {
  await clock.advance(400_000);
  await createWiringWorker({ ...parts(), random: () => 0.5 }).runDue();
}
const channel = (): Promise<Channel | undefined> => store.channels.get(tenantId, instanceId);
const hookOf = (agentId: string): string | null | undefined =>
  newestOf(agentOf(world.account, agentId)).settings.webhook_url;

describe('a Retell channel', () => {
  test('is active by one setup with nothing but a key, and leaves nothing behind', async () => {
    const before = world.snapshot();
    expect(await setUp()).toMatchObject({ provider: 'retell', status: 'active', enabled: true });
    expect(world.snapshot()).not.toEqual(before);
    expect(await tearDown()).toBe(true);
    expect(world.snapshot()).toEqual(before);
    expect(await store.channels.secrets(tenantId, instanceId)).toEqual({});
  });

  test('is pending while Retell is away, and active once it is back, also across a restart', async () => {
    world.retell.setRestFaults({ kind: 'reset' });
    expect(await setUp()).toMatchObject({ status: 'pending', enabled: true });
    await restartAndSettle();
    expect(await channel()).toMatchObject({ status: 'pending' });
    world.retell.setRestFaults();
    await restartAndSettle();
    expect(await channel()).toMatchObject({ status: 'active', errorMessage: null });
    expect(world.account.agents.size).toBe(1);
  });

  test('whose answers were lost makes no second agent', async () => {
    world.retell.setRestFaults({ kind: 'lost-answer', path: '/create-agent' });
    expect(await setUp()).toMatchObject({ status: 'pending' });
    world.retell.setRestFaults();
    await restartAndSettle();
    expect(await channel()).toMatchObject({ status: 'active' });
    expect(world.account.agents.size).toBe(1);
  });

  test('is nothing at all where its key or its agent is refused', async () => {
    await expect(setUp({ secrets: { api_key: 'key_wrong' } })).rejects.toMatchObject({
      code: 'invalid',
      faults: [{ loc: ['body', 'api_key'] }],
    });
    await expect(setUp({ agentId: 'agent_nobody' })).rejects.toMatchObject({
      faults: [{ loc: ['body', 'agent_id'] }],
    });
    expect(await channel()).toBeUndefined();
    expect(world.changes()).toEqual([]);
  });

  test('is what it was before where a change of it is refused', async () => {
    await setUp();
    const [before, stored] = [world.snapshot(), await channel()];
    await expect(setUp({ phoneNumber: RETELL_PHONE })).rejects.toMatchObject({
      faults: [{ loc: ['body', 'phone_number'] }],
    });
    expect(await channel()).toMatchObject({ phoneNumber: null, wiring: stored?.wiring });
    expect(world.snapshot()).toEqual(before);
  });

  test('that gets another agent or number gives the old ones back at once', async () => {
    const [a, b] = [
      world.account.addAgent({ webhook_url: THEIRS }, false),
      world.account.addAgent({}, false),
    ];
    world.account.addNumber({ phoneNumber: RETELL_PHONE });
    world.account.addNumber({ phoneNumber: '+14155550101' });
    const before = world.snapshot();
    await setUp({ agentId: a, phoneNumber: RETELL_PHONE });
    await setUp({ agentId: b });
    expect(hookOf(a)).toBe(THEIRS);
    expect(world.account.numbers.get(RETELL_PHONE)?.inboundAgents).toMatchObject([{ agent_id: b }]);
    await setUp({ phoneNumber: '+14155550101' });
    expect(world.account.numbers.get(RETELL_PHONE)?.inboundAgents ?? []).toEqual([]);
    expect(hookOf(b)).toContain(`/hooks/voice/${instanceId}`);
    await tearDown();
    await restartAndSettle();
    expect(world.snapshot()).toEqual(before);
  });

  test("that gets another workspace's key leaves the old one as it was found", async () => {
    const before = world.snapshot();
    await setUp();
    const other = world.retell.addAccount();
    expect(await setUp({ secrets: { api_key: other.apiKey } })).toMatchObject({ status: 'active' });
    expect(world.snapshot()).toEqual(before);
    expect(other.agents.size).toBe(1);
    await restartAndSettle();
    expect(other.agents.size).toBe(1);
  });

  test('that loses its key gives all back and says what is missing', async () => {
    const before = world.snapshot();
    await setUp();
    expect(await setUp({ secrets: { api_key: null } })).toMatchObject({
      status: 'incomplete',
      errorMessage: expect.stringContaining('api_key'),
    });
    expect(world.snapshot()).toEqual(before);
  });

  test('that another provider takes over gives all back', async () => {
    const before = world.snapshot();
    await setUp();
    await setUp({ provider: 'pipecat', secrets: {} });
    await restartAndSettle();
    expect(world.snapshot()).toEqual(before);
  });
});

describe('taking a Retell channel away', () => {
  test('is finished later where Retell is away', async () => {
    const agentId = world.account.addAgent({ webhook_url: THEIRS });
    const before = world.snapshot();
    await setUp({ agentId });
    world.retell.setRestFaults({ kind: 'reset' });
    expect(await tearDown()).toBe(true);
    expect(await store.channels.secrets(tenantId, instanceId)).toEqual({});
    world.retell.setRestFaults();
    await restartAndSettle();
    expect(world.snapshot()).toEqual(before);
  });

  test('is done where Retell no longer knows the agent', async () => {
    await setUp();
    world.account.agents.clear();
    expect(await tearDown()).toBe(true);
    await restartAndSettle();
    expect(await channel()).toBeUndefined();
  });

  test('does not touch what a new channel uses by then, and gives back what it does not use', async () => {
    const [a, b] = [
      world.account.addAgent({ webhook_url: THEIRS }, false),
      world.account.addAgent({}, false),
    ];
    world.account.addNumber({ phoneNumber: RETELL_PHONE });
    await setUp({ agentId: a, phoneNumber: RETELL_PHONE });
    world.retell.setRestFaults({ kind: 'reset' });
    await tearDown();
    world.retell.setRestFaults();
    await setUp({ agentId: b, phoneNumber: RETELL_PHONE });
    await restartAndSettle();
    expect(hookOf(a)).toBe(THEIRS);
    expect(hookOf(b)).toContain(`/hooks/voice/${instanceId}`);
    expect(world.account.numbers.get(RETELL_PHONE)).toMatchObject({
      inboundAgents: [{ agent_id: b }],
      inboundWebhookUrl: expect.stringContaining(instanceId),
    });
    expect(await channel()).toMatchObject({ status: 'active' });
  });

  test('is not forgotten where the same channel comes back before it was finished', async () => {
    const agentId = world.account.addAgent({ webhook_url: THEIRS });
    world.account.addNumber({ phoneNumber: RETELL_PHONE, inboundWebhookUrl: THEIRS });
    const before = world.snapshot();
    await setUp({ agentId, phoneNumber: RETELL_PHONE });
    world.retell.setRestFaults({ kind: 'reset' });
    await tearDown();
    world.retell.setRestFaults();
    await setUp({ agentId, phoneNumber: RETELL_PHONE });
    await restartAndSettle();
    expect(hookOf(agentId)).toContain(`/hooks/voice/${instanceId}`);
    await tearDown();
    expect(world.snapshot()).toEqual(before);
  });
});

describe('an agent that changes', () => {
  const change = async (name: string): Promise<void> => {
    world.brain.name = name;
    await store.wiringJobs.enqueueApply(tenantId, instanceId, new Date(clock.now()));
    await createWiringWorker({ ...parts(), random: () => 0.5 }).runDue();
  };
  const madeName = () => {
    const [agent] = world.account.agents.values();
    return agent && newestOf(agent).settings.agent_name;
  };

  test('is changed at Retell, and the channel stays active', async () => {
    await setUp();
    await change('Night desk');
    expect(madeName()).toContain('Night desk');
    expect(await channel()).toMatchObject({ status: 'active', enabled: true });
  });

  test('is changed later where Retell is away, and the line stays up', async () => {
    await setUp();
    world.retell.setRestFaults({ kind: 'reset' });
    await change('Night desk');
    expect(await channel()).toMatchObject({ status: 'active', enabled: true });
    world.retell.setRestFaults();
    await restartAndSettle();
    expect(madeName()).toContain('Night desk');
  });

  test('which Retell refuses leaves the line up, and says so until it is accepted', async () => {
    await setUp();
    world.retell.setRestFaults({ kind: 'answer', status: 402 });
    await change('Night desk');
    expect(await channel()).toMatchObject({
      status: 'degraded',
      enabled: true,
      errorMessage: expect.stringContaining('Trial has ended'),
    });
    world.retell.setRestFaults();
    await restartAndSettle();
    expect(await channel()).toMatchObject({ status: 'active', errorMessage: null });
  });
});
