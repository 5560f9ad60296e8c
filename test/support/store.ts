import { createHash, randomUUID } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#lib/clock.ts';
import type { Clock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import type { Log } from '#lib/log.ts';
import { newMasterKey } from '#lib/master-key.ts';
import type { MasterKeySource } from '#lib/master-key.ts';
import { openKeyring } from '#store/keyring.ts';
import { migrate, readMigrations } from '#store/migrate.ts';
import { openStoreOn } from '#store/open.ts';
import { openPgliteEngine } from '#store/pglite-engine.ts';
import { pgliteDatabase } from '#store/pglite.ts';
import type { Database } from '#store/database.ts';
import type { Store } from '#store/store.ts';

export type TestStoreOptions = {
  readonly clock?: Clock;
  readonly log?: Log;
  readonly masterKeys?: MasterKeySource;
};

/**
 * A real, empty store on PGlite in memory, in a third of a second. Close it at the end of the test.
 * Statements run in this very thread, so a virtual clock's `advance` lets them finish.
 */
export async function openTestStore(options: TestStoreOptions = {}): Promise<Store> {
  const { clock = systemClock, log = silentLog, masterKeys = newMasterKeySource() } = options;
  return openStoreOn(await openTestDatabase(), await openKeyring(masterKeys), { clock, log });
}

/** One random key, for this test alone. */
export function newMasterKeySource(): MasterKeySource {
  const key = newMasterKey();
  return { load: () => Promise.resolve([key]) };
}

/** PGlite in memory with every migration applied. */
export async function openTestDatabase(): Promise<Database> {
  return pgliteDatabase(await openPgliteEngine({ snapshot: await migratedSnapshot() }));
}

let snapshot: Promise<Blob> | undefined;
const migratedSnapshot = (): Promise<Blob> => (snapshot ??= loadSnapshot());

/**
 * Making a database takes PGlite seconds, loading one a quarter of one: so it is made once for each
 * set of migrations and each version of PGlite, and kept among the machine's temporary files.
 */
async function loadSnapshot(): Promise<Blob> {
  const migrations = await readMigrations();
  const pglite = await readFile(new URL(import.meta.resolve('@electric-sql/pglite')));
  const roles = await readFile(new URL('../../src/store/roles.ts', import.meta.url));
  const hash = createHash('sha256').update(pglite).update(roles).update(JSON.stringify(migrations));
  const name = `hydracore-test-store-${userInfo().uid}-${hash.digest('hex').slice(0, 16)}.tar`;
  const path = join(tmpdir(), name);
  try {
    return await openAsBlob(path);
  } catch {
    const engine = await openPgliteEngine({});
    await migrate(pgliteDatabase(engine), migrations);
    const dump = await engine.dump();
    await engine.close();
    const draft = `${path}.${randomUUID()}`;
    await writeFile(draft, Buffer.from(await dump.arrayBuffer()), { mode: 0o600 });
    await rename(draft, path);
    return dump;
  }
}
