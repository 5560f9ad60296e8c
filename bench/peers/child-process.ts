import { spawn } from 'node:child_process';
import type { ChildProcess, ChildProcessWithoutNullStreams } from 'node:child_process';

/**
 * Starts a program whose output is read here; it does not outlive this process.
 * @param core the only one that it, and all that it starts, runs on; undefined: any
 */
export function startChild(
  command: readonly [string, ...string[]],
  options: {
    readonly core: number | undefined;
    readonly cwd: string;
    readonly env: NodeJS.ProcessEnv;
  },
): ChildProcessWithoutNullStreams {
  const [program, args] = pinned(command, options.core);
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env,
    // Its input stays open until it or we end: some end with it.
    stdio: 'pipe',
  });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.on('exit', endWithUs);
  child.once('exit', () => process.off('exit', endWithUs));
  return child;
}

/** A command that stays on one core; it becomes the program, so that its process is the program's. */
function pinned(
  [program, ...args]: readonly [string, ...string[]],
  core: number | undefined,
): [string, string[]] {
  return core === undefined
    ? [program, args]
    : ['taskset', ['--cpu-list', String(core), program, ...args]];
}

/**
 * The first line that a child prints on its standard output. Rejects when the child ends before, with
 * what it said last on standard error where that is piped, and when it takes longer than `withinMs`.
 */
export function firstLine(child: ChildProcess, withinMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    let complaint = '';
    const timer = setTimeout(
      () => reject(new Error(`did not start within ${withinMs / 1_000} s`)),
      withinMs,
    );
    const fail = (what: string): void => {
      clearTimeout(timer);
      const said = complaint.trim().split('\n').slice(-4).join(' | ');
      reject(new Error(said === '' ? what : `${what}: ${said}`));
    };
    child.stderr?.on('data', (data: Buffer) => {
      complaint = `${complaint}${data.toString('utf8')}`.slice(-4_000);
    });
    child.stdout?.on('data', (data: Buffer) => {
      text += data.toString('utf8');
      const end = text.indexOf('\n');
      if (end < 0) return;
      clearTimeout(timer);
      resolve(text.slice(0, end));
    });
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code, signal) => fail(`ended with ${signal ?? `code ${code}`}`));
  });
}

/** Asks a child to end, and makes it after `withinMs`. Resolves when it has ended. */
export async function endChild(child: ChildProcess, withinMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
  await ended;
  clearTimeout(timer);
}
