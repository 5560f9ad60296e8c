import { parentPort, workerData } from 'node:worker_threads';
import { openStage, playBatch } from './batch.ts';
import type { BatchOptions, BatchResult, SeededViolation } from './batch.ts';

/** What a worker tells: each call as it is judged, then all of it. */
export type WorkerReport =
  | { readonly type: 'call'; readonly violations: readonly SeededViolation[] }
  | { readonly type: 'done'; readonly result: BatchResult };

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
const tell = (report: WorkerReport): void => parentPort?.postMessage(report);

await using stage = await openStage();
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `runCalls` gives nothing else
const options = workerData as Omit<BatchOptions, 'onCall'>;
const result = await playBatch(stage, {
  ...options,
  onCall: (violations) => tell({ type: 'call', violations }),
});
tell({ type: 'done', result });
