import type { ChildProcess } from 'node:child_process';

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
