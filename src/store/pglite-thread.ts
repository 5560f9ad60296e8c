import { Worker } from 'node:worker_threads';
import { VoiceError } from '#lib/errors.ts';
import { DatabaseError } from './database.ts';
import type { Fault } from './database.ts';
import type { PgliteEngine } from './pglite-engine.ts';
import type { WorkerAnswer, WorkerRequest } from './pglite-worker.ts';

type Waiting = {
  readonly resolve: (rows: unknown[]) => void;
  readonly reject: (error: Error) => void;
};

// A union loses its parts under a plain `Omit`.
type Unnumbered = WorkerRequest extends infer R
  ? R extends unknown
    ? Omit<R, 'id'>
    : never
  : never;

/**
 * A PGlite folder in a thread of its own. PGlite is Postgres compiled to WebAssembly and computes
 * synchronously: in this thread, a query of 50 ms would be 50 ms without audio on every call.
 */
export async function openPgliteThread(folder: string): Promise<PgliteEngine> {
  const worker = new Worker(new URL('./pglite-worker.ts', import.meta.url), {
    workerData: folder,
    name: 'pglite',
  });
  const waiting = new Map<number, Waiting>();
  let nextId = 0;
  let gone: Error | undefined;

  const fail = (error: Error): void => {
    gone ??= error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.on('message', (answer: WorkerAnswer) => {
    const call = waiting.get(answer.id);
    waiting.delete(answer.id);
    // An idle database does not keep the process alive; a running statement does.
    if (waiting.size === 0) worker.unref();
    if ('fault' in answer) call?.reject(rebuild(answer));
    else call?.resolve(answer.rows);
  });
  worker.on('error', (cause) =>
    fail(new VoiceError('unavailable', 'The embedded database has crashed.', { cause })),
  );
  worker.on('exit', () => fail(new VoiceError('unavailable', 'The embedded database is closed.')));

  const expect = (id: number): Promise<unknown[]> =>
    new Promise((resolve, reject) => {
      if (gone) return reject(gone);
      worker.ref();
      waiting.set(id, { resolve, reject });
    });
  const ask = (request: Unnumbered): Promise<unknown[]> => {
    const id = ++nextId;
    const answered = expect(id);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    if (!gone) worker.postMessage({ ...request, id });
    return answered;
  };

  try {
    await expect(0);
  } catch (error) {
    await worker.terminate();
    throw error;
  }
  return {
    query: (sql, params, rows) => ask({ type: 'query', sql, params, rows }),
    async exec(sql) {
      await ask({ type: 'exec', sql });
    },
    async close() {
      await ask({ type: 'close' });
      await worker.terminate();
    },
  };
}

function rebuild({ fault }: { readonly fault: Fault }): Error {
  // The driver's own error stayed in the other thread; this has all that is safe to pass on.
  return fault.code === undefined ? new Error(fault.message) : new DatabaseError(fault);
}
