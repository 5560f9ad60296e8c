import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ownerOf } from '#test/support/carrier-world.ts';
import { openChannelWorld } from '#test/support/channel-world.ts';
import type { ChannelWorld } from '#test/support/channel-world.ts';
import { tearDownChannel } from './tear-down.ts';

let world: ChannelWorld;
beforeAll(async () => {
  world = await openChannelWorld();
});
afterAll(() => world.close());

test('a complete setup points the number at us and is active', async () => {
  const at = await world.setting();
  const { A, complete } = at;
  const channel = await at.setUp(complete);
  expect(channel).toMatchObject({ status: 'active', enabled: true, errorMessage: null });
  expect(world.carrier.pointsAt.get(A)).toBe(at.ours);
});

test('a setup with a warning is degraded, one that is not enough is incomplete', async () => {
  const at = await world.setting();
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
  const at = await world.setting();
  const { complete } = at;
  world.carrier.faults.push('refuse');
  await expect(at.setUp(complete)).rejects.toMatchObject({
    code: 'invalid',
    faults: [{ loc: ['body', 'twilio_auth_token'], type: 'value_error' }],
  });
  expect(await at.channel()).toBeUndefined();
});

test('a refused change leaves the channel, its secrets and its wiring as they were', async () => {
  const at = await world.setting();
  const { A, B, complete } = at;
  const before = await at.setUp(complete);
  world.carrier.faults.push('refuse');
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
  await world.settle();
  expect(world.carrier.pointsAt.get(A)).toBe(at.ours);
  expect(world.carrier.pointsAt.get(B)).toBe(ownerOf(B));
});

test('an unreachable carrier leaves the channel pending until it can be reached', async () => {
  const at = await world.setting();
  const { complete } = at;
  world.carrier.faults.push('unreachable', 'unreachable', 'unreachable');
  expect(await at.setUp(complete)).toMatchObject({
    status: 'pending',
    errorMessage: 'the carrier is down',
  });
  await world.settle();
  expect(await at.channel()).toMatchObject({ status: 'active', errorMessage: null });
});

test('what is refused only after the setup was answered becomes an error with its reason', async () => {
  const at = await world.setting();
  const { complete } = at;
  world.carrier.faults.push('unreachable', 'refuse');
  await at.setUp(complete);
  await world.settle();
  expect(await at.channel()).toMatchObject({
    status: 'error',
    enabled: false,
    errorMessage: 'twilio_auth_token: wrong credentials',
  });
});

test('a line in use stays open while its carrier cannot be reached for a change', async () => {
  const at = await world.setting();
  const { complete } = at;
  await at.setUp(complete);
  world.carrier.faults.push('unreachable');
  expect(await at.setUp({ secrets: { google_api_key: 'g' } })).toMatchObject({
    status: 'pending',
    enabled: true,
  });
});

test('moving to another number puts the old one back', async () => {
  const at = await world.setting();
  const { A, B, complete } = at;
  await at.setUp(complete);
  await at.setUp({ twilioPhoneNumber: B, secrets: {} });
  expect(world.carrier.pointsAt.get(A)).toBe(ownerOf(A));
  expect(world.carrier.pointsAt.get(B)).toBe(at.ours);
});

test('moving away and back again, nothing of the way is undone late', async () => {
  const at = await world.setting();
  const { A, B, complete } = at;
  await at.setUp(complete);
  await at.setUp({ twilioPhoneNumber: B, secrets: {} });
  await at.setUp({ twilioPhoneNumber: A, secrets: {} });
  await world.settle();
  expect(world.carrier.pointsAt.get(A)).toBe(at.ours);
  expect(world.carrier.pointsAt.get(B)).toBe(ownerOf(B));
  await at.tearDown();
  expect(world.carrier.pointsAt.get(A)).toBe(ownerOf(A));
});

test('taking the auth token away undoes the wiring while that is still possible', async () => {
  const at = await world.setting();
  const { A, complete } = at;
  await at.setUp(complete);
  await at.setUp({ secrets: { twilio_auth_token: null, openai_api_key: null } });
  expect(world.carrier.pointsAt.get(A)).toBe(ownerOf(A));
});

test('a change of provider undoes what the old one did', async () => {
  const at = await world.setting();
  const { A, complete } = at;
  await at.setUp(complete);
  expect(await at.setUp({ provider: 'retell', secrets: {} })).toMatchObject({
    provider: 'retell',
    status: 'incomplete',
  });
  expect(world.carrier.pointsAt.get(A)).toBe(ownerOf(A));
});

test('a teardown erases everything and puts the number back, once', async () => {
  const at = await world.setting();
  const { A, complete } = at;
  await at.setUp(complete);
  expect(await at.tearDown()).toBe(true);
  expect(await at.channel()).toBeUndefined();
  expect(world.carrier.pointsAt.get(A)).toBe(ownerOf(A));
  expect(await at.tearDown()).toBe(false);
  await world.settle();
  expect(at.changes()).toHaveLength(2);
});

test('a teardown while the carrier is down is undone later', async () => {
  const at = await world.setting();
  const { A, complete } = at;
  await at.setUp(complete);
  world.carrier.faults.push('unreachable', 'unreachable');
  await at.tearDown();
  expect(world.carrier.pointsAt.get(A)).not.toBe(ownerOf(A));
  await world.settle();
  expect(world.carrier.pointsAt.get(A)).toBe(ownerOf(A));
});

test('calls that do not end do not keep a teardown for ever', async () => {
  const at = await world.setting();
  const { complete } = at;
  await at.setUp(complete);
  const endless = { endAll: () => new Promise<void>(() => undefined) };
  const torn = tearDownChannel({ ...at.parts, live: endless }, at.tenantId, at.instanceId);
  await vi.waitFor(() => expect(world.clock.pending).toBe(1));
  await world.clock.advance(15_000);
  expect(await torn).toBe(true);
  expect(world.clock.pending).toBe(0);
});

test('setups of one instance at the same time run one after another', async () => {
  const at = await world.setting();
  const { A, B } = at;
  const setups = [A, B, A, B].map((twilioPhoneNumber) =>
    at.setUp({ ...at.complete, twilioPhoneNumber }),
  );
  const channels = await Promise.all(setups);
  expect(channels.map((channel) => channel.twilioPhoneNumber)).toEqual([A, B, A, B]);
  expect(channels.every((channel) => channel.status === 'active')).toBe(true);
  expect(world.carrier.pointsAt.get(A)).toBe(ownerOf(A));
});
