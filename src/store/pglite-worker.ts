import { parentPort, workerData } from 'node:worker_threads';
import { faultOf } from './database.ts';
import type { Fault, RowShape } from './database.ts';
import { openPgliteEngine } from './pglite-engine.ts';
import type { PgliteEngine } from './pglite-engine.ts';

/** A thread of its own for PGlite, which computes for as long as a query takes. */
export type WorkerRequest =
  | {
      readonly id: number;
      readonly type: 'query';
      readonly sql: string;
      readonly params: readonly unknown[];
      readonly rows: RowShape;
    }
  | { readonly id: number; readonly type: 'exec'; readonly sql: string }
  | { readonly id: number; readonly type: 'close' };

/** `id` 0 is the opening. */
export type WorkerAnswer = { readonly id: number } & (
  | { readonly rows: unknown[] }
  | { readonly fault: Fault }
);

function run(engine: PgliteEngine, request: WorkerRequest): Promise<unknown[] | void> {
  switch (request.type) {
    case 'query':
      return engine.query(request.sql, request.params, request.rows);
    case 'exec':
      return engine.exec(request.sql);
    case 'close':
      return engine.close();
  }
}

async function serve(): Promise<void> {
  if (!parentPort) throw new Error('this file runs as a worker thread');
  const port = parentPort;
  const answer = (message: WorkerAnswer): void => port.postMessage(message);
  const folder: unknown = workerData;
  if (typeof folder !== 'string') throw new Error('the folder is not given');
  const opening = openPgliteEngine({ folder });
  port.on('message', (request: WorkerRequest) => {
    opening
      .then((engine) => run(engine, request))
      .then(
        (rows) => answer({ id: request.id, rows: rows ?? [] }),
        (error: unknown) => answer({ id: request.id, fault: faultOf(error) }),
      );
  });
  await opening.then(
    () => answer({ id: 0, rows: [] }),
    (error: unknown) => answer({ id: 0, fault: faultOf(error) }),
  );
}

await serve();
