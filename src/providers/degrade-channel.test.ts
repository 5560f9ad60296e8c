import { afterAll, beforeAll, expect, test } from 'vitest';
import { warningOf } from '#contracts/key-problem.ts';
import type { KeyProblem, Provider } from '#contracts/provider.ts';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import type { SecretField } from '#protocol/voice-channel.ts';
import type { Store } from '#store/store.ts';
import { incompleteProvider } from '#test/support/carrier-world.ts';
import { openTestStore } from '#test/support/store.ts';
import { degradeChannel } from './degrade-channel.ts';
import { createKeyedLock } from './keyed-lock.ts';
import { setUpChannel } from './set-up.ts';
import { createWiringWorker } from './wiring-worker.ts';

let clock: VirtualClock;
let store: Store;
beforeAll(async () => {
  clock = virtualClock(Date.UTC(2026, 10, 20));
  store = await openTestStore({ clock });
});
afterAll(() => store.close());

const FIELD = 'openai_api_key' satisfies SecretField;
const outOfQuota = { field: FIELD, message: 'openai: out of quota' } as const;

/** A complete channel whose keys have the problems that a test says, for as long as it says. */
async function channelWith(problems: KeyProblem[]) {
  let carrier: 'up' | 'down' = 'up';
  const provider: Provider = {
    name: 'pipecat',
    missing: () => [],
    webhookUrl: () => 'https://voice.example',
    async apply(_channel, _secrets, _remember, given = []) {
      if (carrier === 'down') return { kind: 'unreachable', message: 'the carrier is down' };
      const wrong = problems.find(({ field, kind }) => kind === 'refused' && given.includes(field));
      if (wrong) return { kind: 'refused', field: wrong.field, message: wrong.message };
      const warning = warningOf([], problems);
      return { kind: 'done', wiring: {}, ...(warning !== undefined && { warning }) };
    },
    undoPayload: () => undefined,
    undo: async () => ({ kind: 'done', wiring: {} }),
  };
  const tenantId = crypto.randomUUID();
  await store.ensureTenant(tenantId);
  const { id } = await store.instances.create(tenantId, {
    name: 'agent',
    agentConfig: agentConfigSchema.parse({}),
  });
  const parts = {
    store,
    providers: { pipecat: provider, retell: incompleteProvider },
    clock,
    log: silentLog,
    lock: createKeyedLock(),
    random: () => 0.999,
  };
  const worker = createWiringWorker(parts);
  return {
    setUp: (secrets: Partial<Record<SecretField, string>> = { [FIELD]: 'sk' }) =>
      setUpChannel(parts, tenantId, id, { provider: 'pipecat', secrets }),
    degrade: () => degradeChannel(parts, tenantId, id, outOfQuota),
    async standing() {
      const channel = await store.channels.get(tenantId, id);
      return channel && [channel.status, channel.errorMessage, channel.enabled];
    },
    async later(ms = 60_000) {
      await clock.advance(ms);
      await worker.runDue();
    },
    carrierIs: (next: typeof carrier) => void (carrier = next),
  };
}

test('a key that is refused as it is given is a 422 on its field, and nothing is kept of it', async () => {
  const channel = await channelWith([{ field: FIELD, kind: 'refused', message: 'no such key' }]);
  await expect(channel.setUp()).rejects.toMatchObject({
    code: 'invalid',
    faults: [{ loc: ['body', FIELD], msg: 'Value error, no such key' }],
  });
  expect(await channel.standing()).toBeUndefined();
});

test('a key that was good once does not stand in the way of another change', async () => {
  const problems: KeyProblem[] = [];
  const channel = await channelWith(problems);
  await channel.setUp();
  problems.push({ field: FIELD, kind: 'refused', message: 'revoked' });
  expect(await channel.setUp({})).toMatchObject({
    status: 'degraded',
    errorMessage: `${FIELD}: revoked`,
  });
});

test('a vendor that cannot be reached at setup degrades the channel until it can', async () => {
  const problems: KeyProblem[] = [{ field: FIELD, kind: 'failing', message: 'unreachable' }];
  const channel = await channelWith(problems);
  expect(await channel.setUp()).toMatchObject({ status: 'degraded', enabled: true });
  await channel.later();
  expect(await channel.standing()).toEqual(['degraded', `${FIELD}: unreachable`, true]);
  problems.length = 0;
  await channel.later();
  expect(await channel.standing()).toEqual(['active', null, true]);
});

test('a key that runs out of quota in a call degrades the channel, which comes back by itself', async () => {
  const channel = await channelWith([]);
  await channel.setUp();
  await channel.degrade();
  const degraded = ['degraded', `${FIELD}: openai: out of quota`, true];
  expect(await channel.standing()).toEqual(degraded);
  channel.carrierIs('down');
  await channel.later();
  // What a second look cannot tell takes no line down.
  expect(await channel.standing()).toEqual(degraded);
  channel.carrierIs('up');
  await channel.later(600_000);
  expect(await channel.standing()).toEqual(['active', null, true]);
});

test('a key that is no longer set degrades nothing', async () => {
  const channel = await channelWith([]);
  await channel.setUp({});
  await channel.degrade();
  expect(await channel.standing()).toEqual(['active', null, true]);
});
