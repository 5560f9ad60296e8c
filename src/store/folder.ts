import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { VoiceError, messageOf } from '#lib/errors.ts';

/** A data folder that belongs to this process until it is released. */
export type Folder = {
  readonly databasePath: string;
  /** Where this process listens for commands to it. */
  readonly socketPath: string;
  release(): Promise<void>;
};

/** Who has a data folder now. */
export type FolderOwner = z.infer<typeof ownerSchema>;

const ownerSchema = z.object({ pid: z.number(), socketPath: z.string() });

/**
 * Takes a data folder, making it if need be, for this process alone: two PGlites on the same files
 * destroy them. The lock is the kernel's (on a file, by SQLite, which brings it to Node), so it ends
 * with the process, however that ends; a process id in a file would outlive it and, in containers,
 * soon belong to somebody else.
 */
export async function takeFolder(dataDir: string): Promise<Folder> {
  const path = resolve(dataDir);
  const runPath = join(path, 'run');
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await mkdir(runPath, { recursive: true });
    await chmod(runPath, 0o700);
  } catch (error) {
    throw unusable(path, error);
  }
  const lock = await takeLock(path, join(runPath, 'lock'));
  try {
    const socketPath = await socketPathIn(runPath);
    await rm(socketPath, { force: true });
    const owner: FolderOwner = { pid: process.pid, socketPath };
    await writeFile(ownerPath(path), JSON.stringify(owner), { mode: 0o600 });
    return {
      databasePath: join(path, 'database'),
      socketPath,
      async release() {
        await rm(ownerPath(path), { force: true });
        const socketFolder = dirname(socketPath);
        if (socketFolder !== runPath) await rm(socketFolder, { recursive: true, force: true });
        lock.close();
      },
    };
  } catch (error) {
    lock.close();
    throw unusable(path, error);
  }
}

/** Who has the folder, as far as was written down; undefined: nobody wrote anything. */
export async function folderOwner(dataDir: string): Promise<FolderOwner | undefined> {
  try {
    return ownerSchema.parse(JSON.parse(await readFile(ownerPath(resolve(dataDir)), 'utf8')));
  } catch {
    return undefined;
  }
}

const ownerPath = (path: string): string => join(path, 'run', 'owner.json');

async function takeLock(path: string, lockPath: string): Promise<DatabaseSync> {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(lockPath);
    lock.exec('begin exclusive');
    return lock;
  } catch (error) {
    lock?.close();
    if (!isBusy(error)) throw unusable(path, error);
    const owner = await folderOwner(path);
    const who = owner ? `process ${owner.pid}` : 'another process';
    throw new VoiceError(
      'conflict',
      `The data folder ${path} is in use by ${who}; stop it first, or use another folder.`,
    );
  }
}

const SQLITE_BUSY = 5;

const isBusy = (error: unknown): boolean =>
  error instanceof Error && Reflect.get(error, 'errcode') === SQLITE_BUSY;

/** What every system takes as the path of a socket: 104 bytes on macOS, 108 on Linux, with the end mark. */
const SOCKET_PATH_BYTES_MAX = 103;

async function socketPathIn(runPath: string): Promise<string> {
  const path = join(runPath, 'control.sock');
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return path;
  // `mkdtemp` lets nobody else in.
  return join(await mkdtemp(join(tmpdir(), 'hydracore-')), 'control.sock');
}

function unusable(path: string, error: unknown): VoiceError {
  if (error instanceof VoiceError) return error;
  return new VoiceError('unavailable', `Cannot use the data folder ${path}: ${messageOf(error)}.`, {
    cause: error,
  });
}
