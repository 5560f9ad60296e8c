import { spawn } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const START_LIMIT_MS = 60_000;

export type ServerProcess = {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  readonly pid: number;
  /** SIGTERM; resolves with the exit code, null when a signal ended it. */
  stop(): Promise<number | null>;
  /** Resolves when the process has ended, however. */
  readonly exited: Promise<number | null>;
};

/**
 * Starts the server as its own process, as production does, and waits until it takes calls.
 * Its log goes to `onLog`, line by line. Rejects with the server's own sentence when it cannot start.
 */
export async function startServerProcess(options: {
  readonly env: Readonly<Record<string, string>>;
  readonly onLog?: (line: string) => void;
}): Promise<ServerProcess> {
  const child = spawn(process.execPath, ['src/main.ts', 'serve'], {
    cwd: root,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A Ctrl-C in the terminal is ours to pass on, so that the call can end in peace.
    detached: true,
  });
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  // A process group of its own would outlive us, however we end.
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.on('exit', endWithUs);
  void exited.then(() => process.off('exit', endWithUs));
  let complaint = '';
  eachLine(child.stderr, (line) => {
    complaint = `${complaint}${line}\n`.slice(-4_000);
    options.onLog?.(line);
  });
  const listening = new Promise<string>((resolve) =>
    eachLine(child.stdout, (line) => {
      const origin = /^Listening on (http:\S+)/.exec(line)?.[1];
      if (origin) resolve(origin);
    }),
  );
  const failed = exited.then((code) => {
    throw new Error(sentenceOf(complaint) || `The server ended with code ${code}.`);
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`The server did not start within ${START_LIMIT_MS / 1_000} s.`)),
      START_LIMIT_MS,
    );
  });
  try {
    const origin = await Promise.race([listening, failed, late]);
    return {
      origin,
      pid: child.pid ?? 0,
      exited,
      stop() {
        child.kill('SIGTERM');
        return exited;
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timer);
    failed.catch(() => undefined);
  }
}

/** What the server said for people, without its log lines. */
const sentenceOf = (text: string): string =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('{'))
    .join('\n');

function eachLine(stream: NodeJS.ReadableStream, on: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) on(line);
  });
  stream.on('end', () => {
    if (rest !== '') on(rest);
  });
}
