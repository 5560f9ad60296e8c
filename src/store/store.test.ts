import { afterAll, describe, test } from 'vitest';
import { silentLog } from '#lib/log.ts';
import { storeSuite } from '#test/contracts/store.ts';
import { startPostgres } from '#test/support/postgres.ts';
import { openTestDatabase } from '#test/support/store.ts';
import { migrate, readMigrations } from './migrate.ts';
import { openPostgres } from './postgres.ts';

// Opening a PGlite takes longer than most tests, so they share one, emptied for each.
const pglite = await openTestDatabase();
afterAll(() => pglite.close());
storeSuite('PGlite', async () => {
  await pglite.transaction('set local role none', (connection) =>
    connection.exec(
      'truncate hydracore.tenants, hydracore.master_key, hydracore.nodes, hydracore.media_tokens cascade',
    ),
  );
  return { ...pglite, close: () => Promise.resolve() };
});

const postgres = await startPostgres();
if (postgres.isStarted) {
  // As most operators will have it: a user that owns its database, and is no superuser.
  await postgres.run('create role voice login createrole');
  afterAll(() => postgres.stop());
  storeSuite('Postgres', async () => {
    const name = postgres.newName();
    await postgres.run(`create database ${name} owner voice`);
    const database = await openPostgres(postgres.url(name, 'voice'), silentLog);
    await migrate(database, await readMigrations());
    return database;
  });
} else {
  describe(`the store on Postgres: skipped, because ${postgres.reason}`, () => {
    test.skip('every test of the store', () => undefined);
  });
}
