import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where peers are installed: `PEERS_CACHE`, or a folder of the user's cache. */
export const cacheFolder = (env: Readonly<Record<string, string | undefined>>): string =>
  env['PEERS_CACHE'] ??
  join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'hydracore-voice', 'peers');

export type Installation = {
  readonly name: string;
  /** What decides whether an installation can be used again: its list of packages. */
  readonly lockFile: string;
  /** In their order, in the folder. */
  readonly steps: readonly (readonly [string, ...string[]])[];
  /** Copied into the folder before the steps. */
  readonly files: readonly string[];
};

const STEP_WITHIN_MS = 10 * 60_000;

/**
 * Answers the folder in which a peer is installed, and installs it there where that has not been done for
 * this list of packages. One that was cut short has no mark, and is begun anew.
 * @param say told what is under way
 */
export async function install(
  { name, lockFile, steps, files }: Installation,
  cache: string,
  say: (sentence: string) => void,
): Promise<string> {
  const lock = createHash('sha256')
    .update(readFileSync(lockFile))
    .update(`${process.platform} ${process.arch}`)
    .digest('hex')
    .slice(0, 12);
  const folder = join(cache, `${name}-${lock}`);
  const done = join(folder, '.installed');
  if (existsSync(done)) return folder;
  say(`Installing ${name} (once, some minutes) …`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const file of files) cpSync(file, join(folder, file.split('/').at(-1) ?? file));
  for (const [program, ...args] of steps) await run(program, args, folder);
  writeFileSync(done, '');
  return folder;
}

function run(program: string, args: readonly string[], cwd: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let tail = '';
    const child = spawn(program, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: STEP_WITHIN_MS,
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on(
        'data',
        (data: Buffer) => void (tail = `${tail}${data.toString('utf8')}`.slice(-800)),
      );
    child.once('error', (error) => reject(new Error(`${program}: ${error.message}`)));
    child.once('exit', (code, signal) => {
      if (code === 0) return resolve();
      const why = tail.trim().split('\n').slice(-3).join(' | ');
      reject(new Error(`${program} ${args.join(' ')} ended with ${signal ?? code}: ${why}`));
    });
  });
}
