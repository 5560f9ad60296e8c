import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { VoiceError, messageOf } from '#lib/errors.ts';
import type { Database } from './database.ts';
import { takeFolder } from './folder.ts';
import type { Folder } from './folder.ts';
import { openPgliteEngine } from './pglite-engine.ts';
import { openPgliteThread } from './pglite-thread.ts';
import { pgliteDatabase } from './pglite.ts';

/** The embedded database in a folder that no other process may use meanwhile. */
export async function openEmbedded(
  dataDir: string,
): Promise<{ readonly database: Database; readonly folder: Folder }> {
  const folder = await takeFolder(dataDir);
  try {
    if (!existsSync(folder.databasePath)) await createDatabase(folder.databasePath);
    // PGlite makes its files readable by all; nobody but the owner gets as far as them.
    await chmod(folder.databasePath, 0o700);
    const database = pgliteDatabase(await openPgliteThread(folder.databasePath));
    return { database, folder };
  } catch (error) {
    await folder.release();
    if (error instanceof VoiceError) throw error;
    throw new VoiceError(
      'unavailable',
      `Cannot open the embedded database in ${folder.databasePath}: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}

/** Made beside its place and moved there whole: a start that is cut short leaves nothing half done. */
async function createDatabase(path: string): Promise<void> {
  const draft = `${path}.new`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  await (await openPgliteThread(draft)).close();
  await rename(draft, path);
}

/** A database that lives and dies with this process, in this very thread: for tests. */
export async function openInMemory(snapshot?: Blob): Promise<Database> {
  return pgliteDatabase(await openPgliteEngine(snapshot ? { snapshot } : {}));
}
