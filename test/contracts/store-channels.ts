import { expect, test } from 'vitest';
import { newUuid } from '#lib/ids.ts';
import { NOON_MS, addInstance, openWorld } from '#test/support/store-world.ts';
import type { OpenDatabase } from '#test/support/store-world.ts';

export function channelSuite(open: OpenDatabase): void {
  test('a new channel belongs to retell and is incomplete', async () => {
    const { store } = await openWorld(open);
    const { id } = await addInstance(store, 't');
    expect(await store.channels.get('t', id)).toBeUndefined();
    const channel = await store.channels.upsert('t', id, {});
    expect(channel).toMatchObject({
      instanceId: id,
      tenantId: 't',
      provider: 'retell',
      enabled: false,
      status: 'incomplete',
      errorMessage: null,
      phoneNumber: null,
      secretsSet: [],
      wiring: {},
      createdAt: new Date(NOON_MS),
    });
    expect(await store.channels.get('t', id)).toEqual(channel);
  });

  test('a change keeps what it does not name and clears what is null', async () => {
    const { store, clock } = await openWorld(open);
    const { id } = await addInstance(store, 't');
    const first = await store.channels.upsert('t', id, {
      provider: 'pipecat',
      phoneNumber: '+15005550006',
      twilioAccountSid: 'AC1',
      wiring: { before: { url: 'https://example.com/?a=1' } },
      secrets: { deepgram_api_key: 'd', openai_api_key: 'o', cartesia_api_key: 'c' },
      status: 'error',
      errorMessage: 'a sentence',
    });
    expect(first.secretsSet).toEqual(['deepgram_api_key', 'openai_api_key', 'cartesia_api_key']);
    await clock.advance(5_000);
    const second = await store.channels.upsert('t', id, {
      phoneNumber: null,
      enabled: true,
      status: 'active',
      errorMessage: null,
      secrets: { openai_api_key: null, cartesia_api_key: '', deepgram_api_key: 'd2' },
    });
    expect(second).toEqual({
      ...first,
      phoneNumber: null,
      enabled: true,
      status: 'active',
      errorMessage: null,
      secretsSet: ['deepgram_api_key'],
      updatedAt: new Date(NOON_MS + 5_000),
    });
    expect(await store.channels.secrets('t', id)).toEqual({ deepgram_api_key: 'd2' });
  });

  test('setups at the same time make one channel', async () => {
    const { store, another } = await openWorld(open);
    const { id } = await addInstance(store, 't');
    const other = await another();
    const made = await Promise.all([
      store.channels.upsert('t', id, { phoneNumber: '+1', secrets: { api_key: 'a' } }),
      other.channels.upsert('t', id, { agentId: 'x', secrets: { webhook_secret: 'b' } }),
      store.channels.upsert('t', id, { secrets: { google_api_key: 'c' } }),
    ]);
    expect(new Set(made.map((channel) => channel.id)).size).toBe(1);
    expect(await store.channels.get('t', id)).toMatchObject({ phoneNumber: '+1', agentId: 'x' });
    expect(await store.channels.secrets('t', id)).toEqual({
      api_key: 'a',
      webhook_secret: 'b',
      google_api_key: 'c',
    });
  });

  test('a channel of an instance that is not there is refused', async () => {
    const { store } = await openWorld(open);
    await store.ensureTenant('t');
    const missing = { code: 'not_found', message: 'Instance not found' };
    await expect(store.channels.upsert('t', newUuid(), {})).rejects.toMatchObject(missing);
    await expect(store.channels.upsert('t', 'no uuid', {})).rejects.toMatchObject(missing);
    await store.ping();
  });

  test('a removed channel takes its credentials and waiting setup along, once', async () => {
    const { store } = await openWorld(open);
    const { id } = await addInstance(store, 't');
    await store.channels.upsert('t', id, { secrets: { api_key: 'k' } });
    await store.wiringJobs.enqueueApply('t', id, new Date(NOON_MS));
    expect(await store.channels.delete('t', id)).toBe(true);
    expect(await store.channels.delete('t', id, { never: 'kept' })).toBe(false);
    expect(await store.channels.get('t', id)).toBeUndefined();
    expect(await store.channels.secrets('t', id)).toEqual({});
    expect(await store.wiringJobs.claimDue(new Date(NOON_MS), 1_000, 9)).toEqual([]);
    expect((await store.channels.upsert('t', id, {})).secretsSet).toEqual([]);
  });

  test('the time of the last event only moves forward', async () => {
    const { store } = await openWorld(open);
    const { id } = await addInstance(store, 't');
    await store.channels.upsert('t', id, {});
    for (const atMs of [NOON_MS + 500, NOON_MS, NOON_MS + 499])
      await store.channels.noteEvent('t', id, new Date(atMs));
    expect((await store.channels.get('t', id))?.lastEventAt).toEqual(new Date(NOON_MS + 500));
  });
}
