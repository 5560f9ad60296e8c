import { expect, test } from 'vitest';
import { sha256 } from '#lib/crypto.ts';
import { newUuid } from '#lib/ids.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import {
  AGENT,
  NOON_MS,
  addInstance,
  newCall,
  newTurn,
  openWorld,
} from '#test/support/store-world.ts';
import type { OpenDatabase } from '#test/support/store-world.ts';

export function tenantSuite(open: OpenDatabase): void {
  test('a tenant is made once, however many ask for it at the same time', async () => {
    const { store, another, database } = await openWorld(open);
    const other = await another();
    await Promise.all([1, 2, 3].flatMap(() => [store.ensureTenant('t'), other.ensureTenant('t')]));
    const rows = await database.transaction('set local role hydracore_system', (connection) =>
      connection.query('select id from hydracore.tenants', [], 'arrays'),
    );
    expect(rows).toEqual([['t']]);
  });

  test('a tenant id may be any text that is not empty', async () => {
    const { store } = await openWorld(open);
    const odd = `o'reilly \\' "; drop table hydracore.tenants; -- é`;
    const { id } = await addInstance(store, odd);
    expect(await store.instances.tenantOf(id)).toBe(odd);
    expect((await store.instances.get(odd, id))?.tenantId).toBe(odd);
    for (const bad of ['', 'a\0b', 'x'.repeat(201)])
      await expect(store.ensureTenant(bad)).rejects.toMatchObject({ code: 'invalid' });
  });

  test('an instance is created, read, changed and deleted', async () => {
    const { store, clock } = await openWorld(open);
    await store.ensureTenant('t');
    const made = await store.instances.create('t', { name: 'Anna', agentConfig: AGENT });
    expect(made).toMatchObject({ tenantId: 't', name: 'Anna', agentConfig: AGENT });
    expect(made.createdAt).toEqual(new Date(NOON_MS));
    expect(await store.instances.get('t', made.id)).toEqual(made);

    await clock.advance(1_000);
    const agentConfig = agentConfigSchema.parse({ greeting: 'Grüezi!' });
    const changed = await store.instances.update('t', made.id, { agentConfig });
    expect(changed).toEqual({ ...made, agentConfig, updatedAt: new Date(NOON_MS + 1_000) });
    expect((await store.instances.update('t', made.id, { name: 'Berta' }))?.name).toBe('Berta');

    const second = await store.instances.create('t', { name: 'Carla', agentConfig: AGENT });
    expect((await store.instances.list('t')).map((one) => one.name)).toEqual(['Berta', 'Carla']);
    expect(await store.instances.delete('t', made.id)).toBe(true);
    expect(await store.instances.delete('t', made.id)).toBe(false);
    expect(await store.instances.get('t', made.id)).toBeUndefined();
    expect((await store.instances.list('t')).map((one) => one.id)).toEqual([second.id]);
  });

  test('an instance takes its channel, credentials, calls and jobs along', async () => {
    const { store } = await openWorld(open);
    const instance = await addInstance(store, 't');
    const call = newCall(instance);
    await store.channels.upsert('t', instance.id, { secrets: { api_key: 'k' } });
    await store.wiringJobs.enqueueApply('t', instance.id, new Date(0));
    await store.calls.begin(call);
    await store.calls.record('t', call.id, { turns: [newTurn(0)], journal: [{ atMs: 1 }] });
    await store.mediaTokens.issue(
      'token',
      { tenantId: 't', instanceId: instance.id, callId: call.id },
      new Date(NOON_MS + 1),
    );
    expect(await store.instances.delete('t', instance.id)).toBe(true);
    expect(await store.channels.get('t', instance.id)).toBeUndefined();
    expect(await store.channels.secrets('t', instance.id)).toEqual({});
    expect(await store.calls.get('t', call.id)).toBeUndefined();
    expect(await store.calls.journal('t', call.id)).toEqual([]);
    expect(await store.wiringJobs.claimDue(new Date(NOON_MS), 1_000, 9)).toEqual([]);
    expect(await store.mediaTokens.consume('token', new Date(NOON_MS))).toBeUndefined();
  });

  test('a stored agent_config of another version is read as far as it is understood', async () => {
    const { store, database } = await openWorld(open);
    const { id } = await addInstance(store, 't');
    const stored = { greeting: 'Hi', mood: 'sunny', voice: { speculation: false, reverb: 3 } };
    await database.transaction(
      `set local role hydracore_app; set local hydracore.tenant_id = 't'`,
      (connection) =>
        connection.query(
          'update hydracore.instances set agent_config = $1',
          [JSON.stringify(stored)],
          'arrays',
        ),
    );
    expect((await store.instances.get('t', id))?.agentConfig).toEqual(
      agentConfigSchema.parse({ greeting: 'Hi', voice: { speculation: false } }),
    );
  });

  test("an instance's internal key is known by its hash, and can be taken away", async () => {
    const { store } = await openWorld(open);
    const { id } = await addInstance(store, 't');
    expect(await store.instances.internalKeyHash(id)).toBeUndefined();
    await store.instances.setInternalKeyHash('t', id, sha256('secret'));
    expect(Buffer.from((await store.instances.internalKeyHash(id)) ?? [])).toEqual(
      sha256('secret'),
    );
    await store.instances.setInternalKeyHash('t', id, null);
    expect(await store.instances.internalKeyHash(id)).toBeUndefined();
  });

  test('what needs a tenant says so when there is none', async () => {
    const { store } = await openWorld(open);
    const key = { name: 'k', keyType: 'live', scopes: [], expiresAt: null } as const;
    const missing = { code: 'not_found', message: 'There is no such tenant.' };
    await expect(store.apiKeys.create('ghost', key)).rejects.toMatchObject(missing);
    await expect(
      store.instances.create('ghost', { name: 'x', agentConfig: AGENT }),
    ).rejects.toMatchObject(missing);
  });

  test('an API key opens its tenant until it expires or is revoked', async () => {
    const { store, clock } = await openWorld(open);
    await store.ensureTenant('t');
    const { apiKey, plaintextKey } = await store.apiKeys.create('t', {
      name: 'ci',
      keyType: 'test',
      scopes: ['instances:read', 'odd,"scope{}'],
      expiresAt: new Date(NOON_MS + 10_000),
    });
    expect(plaintextKey).toMatch(/^hc_test_[\w-]{43}$/);
    expect(plaintextKey.startsWith(apiKey.keyPrefix)).toBe(true);
    expect(apiKey.keyPrefix).toHaveLength(12);
    expect(await store.apiKeys.authenticate(plaintextKey)).toEqual({
      ...apiKey,
      lastUsedAt: new Date(NOON_MS),
    });
    await clock.advance(9_999);
    expect(await store.apiKeys.authenticate(plaintextKey)).toBeDefined();
    await clock.advance(1);
    expect(await store.apiKeys.authenticate(plaintextKey)).toBeUndefined();

    const eternal = await store.apiKeys.create('t', { ...apiKey, expiresAt: null });
    expect(await store.apiKeys.authenticate(eternal.plaintextKey)).toBeDefined();
    expect(await store.apiKeys.revoke('t', eternal.apiKey.id)).toBe(true);
    expect(await store.apiKeys.revoke('t', eternal.apiKey.id)).toBe(false);
    expect(await store.apiKeys.authenticate(eternal.plaintextKey)).toBeUndefined();
    const listed = await store.apiKeys.list('t');
    expect(listed.find((key) => key.id === eternal.apiKey.id)?.revokedAt).toEqual(
      new Date(NOON_MS + 10_000),
    );
    expect(JSON.stringify(listed)).not.toContain(plaintextKey.slice(12));
  });

  test('the use of an API key is noted at most once a minute', async () => {
    const { store, clock } = await openWorld(open);
    await store.ensureTenant('t');
    const key = { name: 'k', keyType: 'live', scopes: [], expiresAt: null } as const;
    const { plaintextKey } = await store.apiKeys.create('t', key);
    const noted = async (): Promise<number | undefined> => {
      await store.apiKeys.authenticate(plaintextKey);
      return (await store.apiKeys.list('t'))[0]?.lastUsedAt?.getTime();
    };
    expect(await noted()).toBe(NOON_MS);
    await clock.advance(59_999);
    expect(await noted()).toBe(NOON_MS);
    await clock.advance(1);
    expect(await noted()).toBe(NOON_MS + 60_000);
  });

  test('no text that is not a key finds one', async () => {
    const { store } = await openWorld(open);
    for (const text of [
      '',
      'hc_live_',
      `hc_live_${'a'.repeat(43)}`,
      'x\0y',
      "' or 1=1 --",
      newUuid(),
    ])
      expect(await store.apiKeys.authenticate(text)).toBeUndefined();
  });
}
