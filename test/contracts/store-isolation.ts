import { getTableColumns } from 'drizzle-orm';
import { PgTable, getTableConfig } from 'drizzle-orm/pg-core';
import { expect, test } from 'vitest';
import { newUuid } from '#lib/ids.ts';
import { messageOf } from '#lib/errors.ts';
import type { Store } from '#store/store.ts';
import * as schema from '#store/schema.ts';
import {
  AGENT,
  addInstance,
  agentWithSecret,
  newCall,
  newEvent,
  newTurn,
  openWorld,
} from '#test/support/store-world.ts';
import type { OpenDatabase, StoreWorld } from '#test/support/store-world.ts';

const APP = 'set local role hydracore_app';
const SYSTEM = 'set local role hydracore_system';
const asTenant = (tenantId: string): string =>
  `${APP}; set local hydracore.tenant_id = '${tenantId}'`;

/** Tables of all tenants together; every other one must keep tenants apart. */
const SHARED = ['master_key', 'migrations', 'nodes'];

const rows = ({ database }: StoreWorld, setup: string, sql: string): Promise<unknown[]> =>
  database.transaction(setup, (connection) => connection.query(sql, [], 'arrays'));

/** What the database answers: `ok`, or the SQLSTATE of its refusal. */
const attempt = async (world: StoreWorld, setup: string, sql: string): Promise<unknown> =>
  world.database
    .transaction(setup, (connection) => connection.exec(sql))
    .then(
      () => 'ok',
      (error: unknown) => (error instanceof Error ? Reflect.get(error, 'code') : error),
    );

/** A tenant with something in every table. */
async function fill(store: Store, tenantId: string) {
  const instance = await addInstance(store, tenantId);
  const call = newCall(instance);
  await store.instances.setInternalKeyHash(tenantId, instance.id, new Uint8Array(32));
  await store.instances.update(tenantId, instance.id, agentWithSecret('k'));
  await store.channels.upsert(tenantId, instance.id, { secrets: { api_key: 'k' } });
  await store.wiringJobs.enqueueApply(tenantId, instance.id, new Date(0));
  await store.calls.begin(call);
  await store.calls.record(tenantId, call.id, {
    turns: [newTurn(0)],
    journal: [{ atMs: 1, type: 'vendor-failed', role: 'language-model', vendor: 'openai' }],
  });
  const key = { name: 'k', keyType: 'live', scopes: [], expiresAt: null } as const;
  const { apiKey } = await store.apiKeys.create(tenantId, key);
  const carried = newCall(instance, { provider: 'retell', carrierCallId: 'call_1' });
  await store.calls.begin(carried);
  await store.providerCalls.add(newEvent(carried), new Date(0));
  const forgotten = newCall(instance, { carrierCallId: 'CA-forgotten' });
  await store.calls.begin(forgotten);
  await store.calls.end(tenantId, forgotten.id, {
    reason: 'caller_hangup',
    detail: null,
    at: forgotten.startedAt,
  });
  await store.calls.erase(tenantId, forgotten.id);
  const grant = { tenantId, instanceId: instance.id, callId: call.id };
  await store.mediaTokens.issue(`token of ${tenantId}`, grant, new Date(0));
  return { instance, call, carried, apiKey };
}

export function isolationSuite(open: OpenDatabase): void {
  test('row-level security is enabled and forced on every table of tenants', async () => {
    const world = await openWorld(open);
    const tables = await rows(
      world,
      APP,
      `select relname, relrowsecurity, relforcerowsecurity from pg_class
        where relnamespace = 'hydracore'::regnamespace and relkind = 'r' order by relname`,
    );
    const secured = tables.filter(
      (table) => Array.isArray(table) && !SHARED.includes(String(table[0])),
    );
    expect(secured.length).toBeGreaterThanOrEqual(10);
    for (const table of secured) expect(table).toEqual([expect.any(String), true, true]);
  });

  test('the roles cannot log in, get around security, or own anything', async () => {
    const world = await openWorld(open);
    expect(
      await rows(
        world,
        APP,
        `select rolname, rolsuper, rolbypassrls, rolcanlogin, rolcreaterole, rolcreatedb,
                exists (select from pg_class where relowner = pg_roles.oid),
                pg_has_role('hydracore_app', 'hydracore_system', 'MEMBER')
           from pg_roles where rolname like 'hydracore_%' order by rolname`,
      ),
    ).toEqual([
      ['hydracore_app', false, false, false, false, false, false, false],
      ['hydracore_system', false, false, false, false, false, false, false],
    ]);
  });

  test('a query without any condition sees and changes the own rows only', async () => {
    const world = await openWorld(open);
    await fill(world.store, 'a');
    await fill(world.store, 'b');
    const tables = await rows(
      world,
      APP,
      `select relname::text from pg_class where relnamespace = 'hydracore'::regnamespace
          and relrowsecurity and has_table_privilege(oid, 'select')`,
    );
    expect(tables.length).toBeGreaterThanOrEqual(9);
    for (const table of tables.map(String)) {
      const owner = table === 'tenants' ? 'id' : 'tenant_id';
      const seen = `select distinct ${owner} from hydracore.${table}`;
      expect(await rows(world, asTenant('a'), seen), table).toEqual([['a']]);
      expect(await rows(world, asTenant('nobody'), seen), table).toEqual([]);
      expect(await rows(world, APP, seen), table).toEqual([]);
    }
    await attempt(world, asTenant('a'), `update hydracore.instances set name = 'taken'`);
    await attempt(world, asTenant('a'), `delete from hydracore.channels`);
    expect((await world.store.instances.list('b'))[0]?.name).toBe('agent of b');
    expect(
      await rows(world, asTenant('b'), 'select count(*)::int from hydracore.channels'),
    ).toEqual([[1]]);
  });

  test('rows cannot be written for, or handed to, another tenant', async () => {
    const world = await openWorld(open);
    await fill(world.store, 'a');
    const b = await fill(world.store, 'b');
    const steal = `update hydracore.instances set tenant_id = 'b'`;
    expect(await attempt(world, asTenant('a'), steal)).toBe('42501');
    const plant = `insert into hydracore.turns values
      ('b', '${b.call.id}', 9, 'agent', '', '', false, 0, 0, '{}')`;
    expect(await attempt(world, asTenant('a'), plant)).toBe('42501');
    // Under the own name, but hung on another tenant's call: the composite key refuses it.
    expect(await attempt(world, asTenant('a'), plant.replace("'b'", "'a'"))).toBe('23503');
  });

  test('security cannot be switched off, nor the role left for a stronger one', async () => {
    const world = await openWorld(open);
    await fill(world.store, 'a');
    const forbidden = [
      'alter table hydracore.instances disable row level security',
      'alter table hydracore.instances no force row level security',
      'drop policy own_tenant on hydracore.instances',
      'drop table hydracore.turns',
      'create table hydracore.mine (id int)',
      'alter role hydracore_app bypassrls',
      'select id from hydracore.master_key',
      'select token_hash from hydracore.media_tokens',
      'truncate hydracore.turns',
      'delete from hydracore.turns',
    ];
    for (const sql of forbidden)
      expect(await attempt(world, asTenant('a'), sql), sql).toBe('42501');
    const unfiltered = 'set local row_security = off; select * from hydracore.instances';
    expect(await attempt(world, asTenant('a'), unfiltered)).toBe('42501');
  });

  test('the system role reads no conversations, no secrets and no phone numbers', async () => {
    const world = await openWorld(open);
    await fill(world.store, 'a');
    const forbidden = [
      'select 1 from hydracore.turns',
      'select 1 from hydracore.journals',
      'select 1 from hydracore.channels',
      'select 1 from hydracore.channel_secrets',
      'select caller_phone from hydracore.calls',
      'select body from hydracore.provider_events',
      'select turns from hydracore.provider_calls',
      'select record from hydracore.provider_calls',
      'update hydracore.provider_events set due_at = null',
      'update hydracore.provider_calls set is_led = true',
      'select agent_config from hydracore.instances',
      'update hydracore.instances set tenant_id = id::text',
      'delete from hydracore.calls',
      `insert into hydracore.api_keys (id) values (gen_random_uuid())`,
      'update hydracore.api_keys set revoked_at = null',
      `update hydracore.calls set state = 'ended', ended_at = now(), end_reason = 'agent_hangup'`,
    ];
    for (const sql of forbidden) expect(await attempt(world, SYSTEM, sql), sql).toBe('42501');
  });

  test("another tenant's ids find nothing, by any method", async () => {
    const { store } = await openWorld(open);
    const a = await fill(store, 'a');
    const b = await fill(store, 'b');
    const before = await Promise.all([
      store.instances.get('b', b.instance.id),
      store.channels.get('b', b.instance.id),
      store.calls.get('b', b.call.id),
      store.calls.journal('b', b.call.id),
    ]);
    const i = b.instance.id;
    const c = b.call.id;
    const end = { reason: 'agent_hangup', detail: null, at: new Date(0) } as const;
    expect(await store.instances.get('a', i)).toBeUndefined();
    expect(await store.instances.update('a', i, { name: 'x', agentConfig: AGENT })).toBeUndefined();
    expect(await store.instances.delete('a', i)).toBe(false);
    await store.instances.setInternalKeyHash('a', i, null);
    expect(await store.instances.internalKeyHash(i)).toBeDefined();
    expect((await store.instances.list('a')).map((one) => one.id)).toEqual([a.instance.id]);
    expect(await store.apiKeys.revoke('a', b.apiKey.id)).toBe(false);
    expect((await store.apiKeys.list('a')).map((key) => key.id)).toEqual([a.apiKey.id]);
    expect(await store.channels.get('a', i)).toBeUndefined();
    expect(await store.channels.secrets('a', i)).toEqual({});
    expect(await store.channels.delete('a', i)).toBe(false);
    await expect(store.channels.upsert('a', i, { agentId: 'x' })).rejects.toMatchObject({
      code: 'not_found',
    });
    await store.channels.noteEvent('a', i, new Date());
    expect(await store.calls.findByCarrierId('a', i, b.call.carrierCallId)).toBeUndefined();
    await store.calls.setState('a', c, 'ending');
    await expect(
      store.calls.record('a', c, { turns: [newTurn(0)], journal: [] }),
    ).rejects.toMatchObject({ code: 'not_found' });
    expect(await store.calls.end('a', c, end)).toBe(false);
    expect(await store.calls.live('a', i)).toEqual([]);
    expect(await store.calls.countLive('a', i)).toBe(0);
    expect(await store.calls.get('a', c)).toBeUndefined();
    expect(await store.calls.journal('a', c)).toEqual([]);
    const theirs = { ...newEvent(b.carried), tenantId: 'a' };
    await expect(store.providerCalls.add(theirs, new Date(0))).rejects.toMatchObject({
      code: 'not_found',
    });
    const decide = (): never => expect.unreachable();
    expect(await store.providerCalls.fold(theirs, 'node', decide)).toBeUndefined();
    await store.providerCalls.putOff(theirs, new Date(9e12));
    expect(await store.providerCalls.due(new Date(0), 9)).toHaveLength(2);
    await expect(store.providerCalls.lead('a', b.carried.id)).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(
      store.calls.begin({ ...b.call, id: newUuid(), tenantId: 'a' }),
    ).rejects.toMatchObject({
      code: 'not_found',
    });
    expect(
      await Promise.all([
        store.instances.get('b', i),
        store.channels.get('b', i),
        store.calls.get('b', c),
        store.calls.journal('b', c),
      ]),
    ).toEqual(before);
  });

  test('an error of the database shows no value of any row', async () => {
    const world = await openWorld(open);
    const { call } = await fill(world.store, 'a');
    const copy = { ...call, carrierCallId: 'CA-secret', callerPhone: '+15005550009' };
    const error = await world.store.calls.begin(copy).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(messageOf(error)).toContain('23505');
    const everything = JSON.stringify(error, Object.getOwnPropertyNames(error)) + String(error);
    expect(everything).not.toMatch(/CA-secret|15005550009/);
    expect(everything).not.toContain(call.id);
  });

  test('the schema of the queries is the schema of the database', async () => {
    const world = await openWorld(open);
    const actual = await rows(
      world,
      APP,
      `select c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull
         from pg_attribute a join pg_class c on c.oid = a.attrelid
        where c.relnamespace = 'hydracore'::regnamespace and c.relkind = 'r'
          and a.attnum > 0 and not a.attisdropped and c.relname <> 'migrations'`,
    );
    const expected = Object.values(schema)
      .filter((value) => value instanceof PgTable)
      .flatMap((table) =>
        Object.values(getTableColumns(table)).map((column) => [
          getTableConfig(table).name,
          column.name,
          column.getSQLType(),
          column.notNull,
        ]),
      );
    const sorted = (list: unknown[]): string[] => list.map((row) => JSON.stringify(row)).toSorted();
    expect(sorted(actual)).toEqual(sorted(expected));
  });
}
