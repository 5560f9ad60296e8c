import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import { startPostgres } from '#test/support/postgres.ts';
import { newMasterKeySource, openTestDatabase } from '#test/support/store.ts';
import { addInstance } from '#test/support/store-world.ts';
import type { Database } from './database.ts';
import { migrate, readMigrations } from './migrate.ts';
import type { Migration } from './migrate.ts';
import { openStore } from './open.ts';
import { openPostgres } from './postgres.ts';

const known = await readMigrations();
const next = (sql: string): Migration => ({
  version: known.length + 1,
  name: '9999_next.sql',
  sql,
});

async function open(): Promise<Database> {
  const database = await openTestDatabase();
  onTestFinished(() => database.close());
  return database;
}

const tableExists = async (database: Database, name: string): Promise<boolean> => {
  const rows = await database.transaction('set local role none', (connection) =>
    connection.query(`select to_regclass($1) is not null`, [name], 'arrays'),
  );
  return JSON.stringify(rows) === '[[true]]';
};

describe('migrations', () => {
  test('are numbered from one, without a gap', () => {
    expect(known.map((migration) => migration.version)).toEqual(known.map((_, index) => index + 1));
  });

  test('are applied once', async () => {
    const database = await open();
    const more = [...known, next('create table hydracore.extra (id integer)')];
    await migrate(database, more);
    await migrate(database, more);
    expect(await tableExists(database, 'hydracore.extra')).toBe(true);
  });

  test('are applied all or not at all', async () => {
    const database = await open();
    const broken = [
      ...known,
      next('create table hydracore.extra (id integer)'),
      { version: known.length + 2, name: '9999_broken.sql', sql: 'select 1; create tabel x ()' },
    ];
    await expect(migrate(database, broken)).rejects.toThrow('42601');
    expect(await tableExists(database, 'hydracore.extra')).toBe(false);
    await migrate(database, known);
  });

  test('count the failures of calls that were there before these were counted', async () => {
    const database = await open();
    // As it was before migration 5.
    await database.transaction('set local role none', (connection) =>
      connection.exec(`
        drop index hydracore.calls_by_end;
        drop table hydracore.vendor_failures;
        alter table hydracore.turns drop column played_ms;
        delete from hydracore.migrations where version >= 5`),
    );
    const instanceId = '6f1d2f0a-9c1e-4b6e-8f1c-0d5c9a7e4b12';
    await database.transaction('set local role none', (connection) =>
      connection.exec(`
        insert into hydracore.tenants (id, wrapped_data_key, master_key_id, created_at)
          values ('t', '', 'k', now());
        insert into hydracore.instances (id, tenant_id, name, agent_config, created_at, updated_at)
          values ('${instanceId}', 't', 'agent', '{}', now(), now());
        insert into hydracore.calls (id, tenant_id, instance_id, provider, carrier_call_id,
                                     caller_phone, called_phone, node_id, state, started_at)
          values ('${instanceId}', 't', '${instanceId}', 'pipecat', 'CA1', '', '', 'n', 'ringing', now());
        insert into hydracore.turns values
          ('t', '${instanceId}', 0, 'agent', '', '', false, 0, 1, '{"played":812.5}');
        insert into hydracore.journals (tenant_id, call_id, entries) values ('t', '${instanceId}', '[
          {"atMs":5.5,"type":"vendor-failed","role":"speech-to-text","vendor":"deepgram"},
          {"atMs":6,"type":"note","text":"vendor-failed"}]')`),
    );
    await migrate(database, known);
    const rows = await database.transaction('set local role none', (connection) =>
      connection.query(
        `select f.at_ms, f.role, f.vendor, t.played_ms
           from hydracore.vendor_failures f, hydracore.turns t`,
        [],
        'arrays',
      ),
    );
    expect(rows).toEqual([[5.5, 'speech-to-text', 'deepgram', 812.5]]);
  });

  test('of a newer version are refused with a sentence', async () => {
    const database = await open();
    await migrate(database, [...known, next('select 1')]);
    await expect(migrate(database, known)).rejects.toThrow(
      `The database has schema ${known.length + 1}, this program knows ${known.length}: it was ` +
        'used by a newer version.',
    );
  });

  test('that differ from what was applied are refused', async () => {
    const database = await open();
    const [first, ...others] = known;
    const edited = { version: 1, name: 'x', sql: `${first?.sql}\n-- edited` };
    await expect(migrate(database, [edited, ...others])).rejects.toThrow('made by another build');
    const otherLineEnds = { ...edited, sql: (first?.sql ?? '').replaceAll('\n', '\r\n') };
    await migrate(database, [otherLineEnds, ...others]);
  });
});

const postgres = await startPostgres();
if (!postgres.isStarted)
  describe(`migrations of a server: skipped, because ${postgres.reason}`, () => {
    test.skip('every test of them', () => undefined);
  });
else
  // The roles belong to the whole server, so each test starts from what it says.
  describe('migrations of a server', () => {
    const { url, run, newName } = postgres;
    afterAll(() => postgres.stop());

    const options = (databaseUrl: string) => ({
      databaseUrl,
      dataDir: 'unused',
      masterKeys: newMasterKeySource(),
      clock: systemClock,
      log: silentLog,
    });
    const newDatabase = async (owner: string): Promise<string> => {
      const name = newName();
      await run(`create database ${name} owner ${owner}`);
      return name;
    };

    test('need a user that may create roles, or roles that it may become', async () => {
      await run('create role plain login');
      const name = await newDatabase('plain');
      await expect(openStore(options(url(name, 'plain')))).rejects.toThrow(
        'The database user may not create the role hydracore_app. Either give it CREATEROLE,',
      );
      await run('create role hydracore_app nologin; create role hydracore_system nologin');
      await expect(openStore(options(url(name, 'plain')))).rejects.toThrow(
        'The database user may not become the role hydracore_app.',
      );
      await run('grant hydracore_app, hydracore_system to plain');
      const store = await openStore(options(url(name, 'plain')));
      await addInstance(store, 't');
      await store.close();
    });

    test('work for users that are no superuser, with roles that are there already', async () => {
      await run('create role creator login createrole');
      // Made by the superuser above, they are not the creator's to grant.
      const name = await newDatabase('creator');
      await expect(openStore(options(url(name, 'creator')))).rejects.toThrow('may not become');
      await run('grant hydracore_app, hydracore_system to creator');
      const store = await openStore(options(url(name, 'creator')));
      await addInstance(store, 't');
      await store.close();
    });

    test('of many nodes that start at once happen once', async () => {
      const name = await newDatabase('postgres');
      const one = options(url(name));
      const stores = await Promise.all(Array.from({ length: 5 }, () => openStore(one)));
      await Promise.all(stores.map((store) => store.ensureTenant('t')));
      await Promise.all(stores.map((store) => store.close()));
    });

    test('refuse roles that get around row-level security', async () => {
      const name = await newDatabase('postgres');
      for (const [bad, good] of [
        ['bypassrls', 'nobypassrls'],
        ['superuser', 'nosuperuser'],
        ['login', 'nologin'],
      ]) {
        await run(`alter role hydracore_app ${bad}`);
        await expect(openStore(options(url(name)))).rejects.toThrow('must be NOLOGIN, NOSUPERUSER');
        await run(`alter role hydracore_app ${good}`);
      }
      await (await openStore(options(url(name)))).close();
    });

    test('a server that cannot be reached is named without its password', async () => {
      const unreachable = options('postgresql://me:canary@127.0.0.1:1/voice');
      await expect(openStore(unreachable)).rejects.toThrow(
        /^Cannot connect to Postgres at 127\.0\.0\.1:1\/voice: ECONNREFUSED\.$/,
      );
      await expect(openStore(options(url('nowhere')))).rejects.toThrow(
        'database "nowhere" does not exist',
      );
      await expect(openStore(options('canary'))).rejects.toThrow(/^((?!canary).)*$/s);
    });

    test('a database that goes away is an outage, and its return ends it', async () => {
      const name = await newDatabase('postgres');
      const store = await openStore(options(url(name)));
      const killAll = `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`;
      await run(`alter database ${name} allow_connections false; ${killAll}`);
      await expect(store.ping()).rejects.toMatchObject({ code: 'unavailable' });
      await run(`alter database ${name} allow_connections true`);
      await store.ping();
      await store.close();
    });

    test('a statement that fails does not poison its connection', async () => {
      const name = await newDatabase('postgres');
      const database = await openPostgres(url(name), silentLog);
      onTestFinished(() => database.close());
      const swallowed = database.transaction('select 1', async (connection) => {
        await connection.query('select 1 / 0', [], 'arrays').catch(() => undefined);
        return 'fine';
      });
      await expect(swallowed).rejects.toThrow('22012');
      for (let n = 0; n < 12; n++)
        expect(
          await database.transaction('select 1', (connection) =>
            connection.query('select $1::int', [n], 'arrays'),
          ),
        ).toEqual([[n]]);
    });
  });
