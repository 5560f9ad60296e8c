import { readFile, readdir } from 'node:fs/promises';
import { sql } from 'drizzle-orm';
import { sha256 } from '#lib/crypto.ts';
import { VoiceError } from '#lib/errors.ts';
import { queriesOn } from './access.ts';
import type { Connection, Database } from './database.ts';
import { ensureRoles } from './roles.ts';

export type Migration = {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
};

/** Any number that nothing else on the server locks. */
const ADVISORY_LOCK = 0x6879_6472;

/**
 * Brings the database to this program's schema, all of it or nothing. Nodes that start together
 * wait for each other; a database of a newer program is refused.
 */
export function migrate(database: Database, migrations: readonly Migration[]): Promise<void> {
  return database.transaction(
    `select pg_advisory_xact_lock(${ADVISORY_LOCK})`,
    async (connection) => {
      await ensureRoles(connection);
      await ensureVersionTable(connection);
      const applied = await appliedMigrations(connection);
      refuseStrangers(applied, migrations);
      for (const migration of migrations.slice(applied.length)) {
        await connection.exec(migration.sql);
        await connection.query(
          `insert into hydracore.migrations (version, name, checksum, applied_at)
         values ($1, $2, $3, now())`,
          [migration.version, migration.name, checksum(migration)],
          'arrays',
        );
      }
    },
  );
}

const FOLDER = new URL('./migrations/', import.meta.url);

/** The SQL files of `migrations/`, numbered from 1 without a gap. */
export async function readMigrations(): Promise<readonly Migration[]> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.sql')).toSorted();
  return Promise.all(
    names.map(async (name, index) => {
      const version = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1]);
      if (version !== index + 1) throw new Error(`migration ${name} is out of order`);
      return { version, name, sql: await readFile(new URL(name, FOLDER), 'utf8') };
    }),
  );
}

async function ensureVersionTable(connection: Connection): Promise<void> {
  // `if not exists` alone asks for the right to create even when there is nothing to create.
  await connection.exec(`
    do $$ begin
      if to_regnamespace('hydracore') is null then create schema hydracore; end if;
      if to_regclass('hydracore.migrations') is null then
        create table hydracore.migrations (
          version integer primary key,
          name text not null,
          checksum text not null,
          applied_at timestamptz not null
        );
      end if;
    end $$`);
}

type Applied = { readonly version: number; readonly name: string; readonly checksum: string };

const appliedMigrations = async (connection: Connection): Promise<readonly Applied[]> =>
  queriesOn(connection).execute<Applied>(
    sql`select version, name, checksum from hydracore.migrations order by version`,
  );

function refuseStrangers(applied: readonly Applied[], known: readonly Migration[]): void {
  for (const [index, one] of applied.entries()) {
    const migration = known[index];
    if (!migration)
      throw new VoiceError(
        'unavailable',
        `The database has schema ${applied.length}, this program knows ${known.length}: it was ` +
          `used by a newer version. Start that version, or restore a backup from before.`,
      );
    if (one.version !== migration.version || one.checksum !== checksum(migration))
      throw new VoiceError(
        'unavailable',
        `Migration ${one.name} of the database is not the one this program knows: it was made by ` +
          `another build.`,
      );
  }
}

/** The same whatever a checkout made of the line ends. */
const checksum = (migration: Migration): string =>
  Buffer.from(sha256(migration.sql.replaceAll('\r\n', '\n'))).toString('hex');
