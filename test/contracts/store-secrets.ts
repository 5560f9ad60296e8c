import { expect, test } from 'vitest';
import { masterKey, newMasterKey } from '#lib/master-key.ts';
import type { MasterKey, MasterKeySource } from '#lib/master-key.ts';
import { rotate } from '#store/rotation.ts';
import { AGENT, addInstance, agentWithSecret, openWorld } from '#test/support/store-world.ts';
import type { OpenDatabase, StoreWorld } from '#test/support/store-world.ts';
import { newMasterKeySource } from '#test/support/store.ts';

const as = (tenantId: string): string =>
  `set local role hydracore_app; set local hydracore.tenant_id = '${tenantId}'`;

/** Raw SQL as the tenant's own role. */
const raw = ({ database }: StoreWorld, tenantId: string, sql: string): Promise<unknown[]> =>
  database.transaction(as(tenantId), (connection) => connection.query(sql, [], 'arrays'));

export function secretSuite(open: OpenDatabase): void {
  test('no secret is in any table in the clear', async () => {
    const world = await openWorld(open);
    const { store, database } = world;
    const { id } = await addInstance(store, 't');
    await store.channels.upsert('t', id, { secrets: { openai_api_key: 'sk-canary-1' } });
    await store.channels.delete('t', id, { auth_token: 'sk-canary-2' });
    await store.instances.update('t', id, agentWithSecret('sk-canary-5'));
    await store.channels.upsert('t', id, { secrets: { openai_api_key: 'sk-canary-3' } });
    const { plaintextKey } = await store.apiKeys.create('t', {
      name: 'k',
      keyType: 'live',
      scopes: [],
      expiresAt: null,
    });
    await store.mediaTokens.issue(
      'token-canary-4',
      { tenantId: 't', instanceId: id, callId: id },
      new Date(),
    );
    const tables = [
      'channel_secrets',
      'agent_secrets',
      'instances',
      'channels',
      'wiring_jobs',
      'api_keys',
      'tenants',
    ];
    const dump: unknown[] = await database.transaction(as('t'), async (connection) => {
      const rows = [];
      for (const table of tables)
        rows.push(...(await connection.query(`select * from hydracore.${table}`, [], 'arrays')));
      return rows;
    });
    const tokens = await database.transaction('set local role hydracore_system', (connection) =>
      connection.query('select * from hydracore.media_tokens', [], 'arrays'),
    );
    const text = [...dump, ...tokens].map(readable).join('\n');
    expect(dump.length + tokens.length).toBeGreaterThan(5);
    expect(text).not.toContain('canary');
    expect(text).not.toContain(plaintextKey.slice(12));
  });

  test('a secret moved to another field, instance or tenant does not open', async () => {
    const world = await openWorld(open);
    const { store } = world;
    const a = await addInstance(store, 'a');
    const a2 = await addInstance(store, 'a');
    await store.channels.upsert('a', a.id, { secrets: { api_key: 'one', webhook_secret: 'two' } });
    await store.channels.upsert('a', a2.id, { secrets: { api_key: 'three' } });
    const move = (from: string): string =>
      `update hydracore.channel_secrets set sealed = (${from}) where instance_id = '${a.id}' and field = 'api_key'`;

    await raw(
      world,
      'a',
      move(`select sealed from hydracore.channel_secrets where field = 'webhook_secret'`),
    );
    await expect(store.channels.secrets('a', a.id)).rejects.toThrow('does not open');
    await raw(
      world,
      'a',
      move(`select sealed from hydracore.channel_secrets where instance_id = '${a2.id}'`),
    );
    await expect(store.channels.secrets('a', a.id)).rejects.toThrow('does not open');
    expect(await store.channels.secrets('a', a2.id)).toEqual({ api_key: 'three' });

    const b = await addInstance(store, 'b');
    await store.channels.upsert('b', b.id, { secrets: { api_key: 'four' } });
    const [row] = await raw(
      world,
      'b',
      `select encode(sealed, 'hex') from hydracore.channel_secrets`,
    );
    await raw(world, 'a', move(`select decode('${String(row)}', 'hex')`));
    await expect(store.channels.secrets('a', a.id)).rejects.toThrow('does not open');
  });

  test('the secrets of an agent come with its config, stay, and go with what they were for', async () => {
    const { store } = await openWorld(open);
    const { id } = await addInstance(store, 't');
    const first = agentWithSecret('first-secret');
    await store.instances.update('t', id, first);
    expect(Object.values(await store.instances.agentSecrets('t', id))).toEqual(['first-secret']);
    expect(await store.instances.agentSecrets('other', id)).toEqual({});

    // Not given again: it stays.
    await store.instances.update('t', id, { agentConfig: first.agentConfig });
    expect(Object.values(await store.instances.agentSecrets('t', id))).toEqual(['first-secret']);

    await store.instances.update('t', id, agentWithSecret('second-secret'));
    expect(Object.values(await store.instances.agentSecrets('t', id))).toEqual(['second-secret']);

    await store.instances.update('t', id, { agentConfig: AGENT });
    expect(await store.instances.agentSecrets('t', id)).toEqual({});
    await expect(
      store.instances.update('t', id, { agentConfig: first.agentConfig }),
    ).rejects.toMatchObject({
      code: 'invalid',
      faults: [{ loc: ['body', 'agent_config', 'tools', 0, 'headers', 'X-Api-Key'] }],
    });
    // Nothing of a change that was refused stays.
    expect((await store.instances.get('t', id))?.agentConfig.tools).toEqual([]);
  });

  test('a secret of an agent never goes where another URL points', async () => {
    const { store } = await openWorld(open);
    const { id } = await addInstance(store, 't');
    await store.instances.update('t', id, agentWithSecret('first-secret'));
    const { agentConfig } = agentWithSecret('unused-secret', 'https://thief.example.com/');
    await expect(store.instances.update('t', id, { agentConfig })).rejects.toThrow('not stored');
  });

  test('a secret of an agent that is moved to another instance does not open', async () => {
    const world = await openWorld(open);
    const { store } = world;
    const one = await addInstance(store, 't');
    const two = await addInstance(store, 't');
    await store.instances.update('t', one.id, agentWithSecret('secret-of-one'));
    await store.instances.update('t', two.id, agentWithSecret('secret-of-two'));
    await raw(
      world,
      't',
      `update hydracore.agent_secrets set sealed = (select sealed from hydracore.agent_secrets
        where instance_id = '${one.id}') where instance_id = '${two.id}'`,
    );
    await expect(store.instances.agentSecrets('t', two.id)).rejects.toThrow('does not open');
  });

  test("a tenant's data key does not open under another tenant's name", async () => {
    const world = await openWorld(open);
    const { store, database } = world;
    const a = await addInstance(store, 'a');
    await addInstance(store, 'b');
    await store.channels.upsert('a', a.id, { secrets: { api_key: 'one' } });
    await database.transaction('set local role hydracore_system', (connection) =>
      connection.exec(`update hydracore.tenants set wrapped_data_key =
        (select wrapped_data_key from hydracore.tenants where id = 'b') where id = 'a'`),
    );
    await expect(store.channels.secrets('a', a.id)).rejects.toThrow('does not open');
  });

  test('the same secret is never stored as the same bytes', async () => {
    const world = await openWorld(open);
    const { id } = await addInstance(world.store, 't');
    const sealed = async (): Promise<string> => {
      await world.store.channels.upsert('t', id, { secrets: { api_key: 'same' } });
      return String(
        await raw(world, 't', `select encode(sealed, 'hex') from hydracore.channel_secrets`),
      );
    };
    expect(await sealed()).not.toBe(await sealed());
  });

  test('a database is refused under a master key that is not its own', async () => {
    const { another } = await openWorld(open);
    await expect(another(newMasterKeySource())).rejects.toThrow('not among the keys given');
  });

  test('rotation loses no secret, and the old key then opens nothing', async () => {
    const old = newMasterKey();
    const next = newMasterKey();
    const world = await openWorld(open, fixed(old));
    const { store, another } = world;
    const instances = await Promise.all(
      ['a', 'b', 'c'].map((tenant) => addInstance(store, tenant)),
    );
    for (const { tenantId, id } of instances)
      await Promise.all([
        store.channels.upsert(tenantId, id, { secrets: { api_key: `of ${tenantId}` } }),
        store.instances.update(tenantId, id, agentWithSecret(`agent of ${tenantId}`)),
      ]);

    expect(await store.rotateMasterKey(next.bytes)).toBe(3);
    const renewed = await another(fixed(next));
    for (const { tenantId, id } of instances)
      expect([
        await renewed.channels.secrets(tenantId, id),
        ...Object.values(await renewed.instances.agentSecrets(tenantId, id)),
      ]).toEqual([{ api_key: `of ${tenantId}` }, `agent of ${tenantId}`]);
    await expect(another(fixed(old))).rejects.toThrow('not among the keys given');
  });

  test('reads and writes go on while the key is rotated, on nodes that share a key file', async () => {
    let keys: readonly [MasterKey, ...MasterKey[]] = [newMasterKey()];
    const file: MasterKeySource = {
      load: () => Promise.resolve(keys),
      save: async (next) => void (keys = next),
    };
    const { store, another } = await openWorld(open, file);
    const other = await another();
    const { id } = await addInstance(store, 't');
    await store.channels.upsert('t', id, { secrets: { api_key: 'start', webhook_secret: 'w' } });

    const rotation = new AbortController();
    const work = async (node: typeof store, name: string): Promise<number> => {
      let rounds = 0;
      while (!rotation.signal.aborted || rounds < 3) {
        await node.channels.upsert('t', id, { secrets: { api_key: `${name} ${rounds}` } });
        expect((await node.channels.secrets('t', id)).webhook_secret).toBe('w');
        const tenant = `${name}-${rounds++}`;
        const instance = await addInstance(node, tenant);
        await node.channels.upsert(tenant, instance.id, { secrets: { api_key: tenant } });
        expect(await node.channels.secrets(tenant, instance.id)).toEqual({ api_key: tenant });
      }
      return rounds;
    };
    const rotating = (async () => {
      for (let round = 0; round < 4; round++) await rotate(store, file);
      rotation.abort();
    })();
    const rounds = await Promise.all([work(store, 'one'), work(other, 'two'), rotating]);
    expect(rounds[0]).toBeGreaterThan(0);

    // Every tenant, also those made meanwhile, is under the one key that is left.
    expect(keys).toHaveLength(1);
    const fresh = await another(fixed(keys[0]));
    for (const [name, count] of [
      ['one', rounds[0]],
      ['two', rounds[1]],
    ] as const)
      for (let round = 0; round < count; round++) {
        const [instance] = await fresh.instances.list(`${name}-${round}`);
        expect(await fresh.channels.secrets(`${name}-${round}`, instance?.id ?? '')).toEqual({
          api_key: `${name}-${round}`,
        });
      }
  });

  test('a key of the wrong length is refused before anything changes', async () => {
    const { store } = await openWorld(open);
    const { id } = await addInstance(store, 't');
    await store.channels.upsert('t', id, { secrets: { api_key: 'k' } });
    await expect(async () => store.rotateMasterKey(new Uint8Array(16))).rejects.toThrow('32 bytes');
    expect(await store.channels.secrets('t', id)).toEqual({ api_key: 'k' });
  });
}

const fixed = (key: MasterKey): MasterKeySource => ({
  load: () => Promise.resolve([masterKey(key.bytes)]),
});

/** A row with its bytes as the characters they would be, were they text. */
const readable = (row: unknown): string =>
  (Array.isArray(row) ? row : [])
    .map((value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : JSON.stringify(value),
    )
    .join(' ');
