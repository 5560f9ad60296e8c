import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

/**
 * Which processors are whose: the system under test has the first one alone, everything else (load
 * generator, vendors, this program) shares the others. Undefined where that is not possible: no
 * `taskset`, or a single processor.
 */
export type Pinning = { readonly underTest: string; readonly others: string };

export function pinningOf(): Pinning | undefined {
  const count = availableParallelism();
  if (count < 2 || spawnSync('taskset', ['-V']).status !== 0) return undefined;
  return { underTest: '0', others: count === 2 ? '1' : `1-${count - 1}` };
}

/** Keeps this very process, with its threads, to some processors. */
export function pinSelf(processors: string): void {
  spawnSync('taskset', ['-a', '-p', '-c', processors, String(process.pid)]);
}

export type Running = {
  readonly pid: number;
  /** SIGTERM, and SIGKILL if it has not ended within 10 s. */
  stop(): Promise<void>;
};

/**
 * Starts a program of this project in a process of its own, and resolves once a line on its standard
 * output is `ready`. Rejects with what it said when it ends before that.
 */
export async function startProcess<T>(options: {
  /** Flags of Node, then the file and its arguments. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Undefined: any processor. */
  readonly processors: string | undefined;
  readonly ready: (line: string) => T | undefined;
}): Promise<Running & { readonly answer: T }> {
  const { processors } = options;
  const command = [process.execPath, ...options.args];
  const [program = '', ...args] =
    processors === undefined ? command : ['taskset', '-c', processors, ...command];
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  void exited.then(() => process.off('exit', endWithUs));
  let said = '';
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (said = (said + text).slice(-4_000)));
  const answer = await Promise.race([
    firstLine(child, options.ready),
    exited.then((code) => {
      throw new Error(`${options.args.join(' ')} ended with code ${code}: ${said}`);
    }),
  ]);
  return {
    pid: child.pid ?? 0,
    answer,
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

function firstLine<T>(child: ChildProcess, ready: (line: string) => T | undefined): Promise<T> {
  return new Promise((resolve) => {
    let rest = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const answer = ready(line);
        if (answer !== undefined) resolve(answer);
      }
    });
  });
}

/** Clock ticks a second that Linux counts CPU time in; the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** CPU time of a process with all its threads since its start, to 10 ms. Linux only. */
export function cpuMsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, in parentheses, may hold spaces.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_SECOND;
}

/** CPU time of each thread of a process by its name, to 10 ms. */
export function threadCpuMsOf(pid: number): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const text = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
    const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'));
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ms = ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_SECOND;
    times.set(`${name} ${thread}`, ms);
  }
  return times;
}

/** Memory of a process that is in RAM, in bytes. */
export function residentBytesOf(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kib === undefined) throw new Error(`process ${pid} tells no VmRSS`);
  return Number(kib) * 1_024;
}
