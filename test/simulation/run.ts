import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { BatchResult, SeededViolation } from './batch.ts';
import { addCoverage, NO_COVERAGE } from './coverage.ts';
import type { Coverage } from './coverage.ts';
import { memoryReturns } from './rules/memory.ts';
import type { WorkerReport } from './worker.ts';

/** What a run came to. */
export type RunResult = {
  readonly calls: number;
  readonly simulatedMs: number;
  readonly wallMs: number;
  readonly violations: readonly SeededViolation[];
  readonly coverage: Coverage;
};

export type RunOptions = {
  readonly calls: number;
  readonly seed: number;
  /** Threads; as many as there are cores where absent. */
  readonly threads?: number;
  readonly onCall?: (played: number, violations: readonly SeededViolation[]) => void;
  /** Ends the run after the first violation. */
  readonly stopsAtFirst?: boolean;
};

/** Plays the calls of a run on all cores. Which thread plays a call makes no difference to it. */
export async function runCalls(options: RunOptions): Promise<RunResult> {
  const startedMs = performance.now();
  const threads = Math.max(1, Math.min(options.threads ?? availableParallelism(), options.calls));
  let played = 0;
  const found: SeededViolation[] = [];
  const workers: Worker[] = [];
  const stopAll = (): void => workers.forEach((worker) => void worker.terminate());
  const results = await Promise.all(
    Array.from({ length: threads }, (_, thread) => {
      const calls = numbersOf(options.calls, threads, thread);
      const worker = new Worker(new URL('./worker.ts', import.meta.url), {
        workerData: { runSeed: options.seed, calls },
      });
      workers.push(worker);
      return resultOf(worker, (violations) => {
        played++;
        found.push(...violations);
        options.onCall?.(played, violations);
        if (options.stopsAtFirst && violations.length > 0) stopAll();
      });
    }),
  );
  const whole = results.filter((result) => result !== undefined);
  const violations = [...found, ...whole.flatMap(({ heaps }) => memoryReturns(heaps))];
  return {
    calls: played,
    simulatedMs: whole.reduce((sum, result) => sum + result.simulatedMs, 0),
    wallMs: performance.now() - startedMs,
    violations: violations.toSorted((one, two) => one.seed - two.seed || one.atMs - two.atMs),
    coverage: whole.reduce((sum, result) => addCoverage(sum, result.coverage), NO_COVERAGE),
  };
}

/** Every n-th call, so that each thread has its share from the beginning on. */
const numbersOf = (calls: number, threads: number, thread: number): readonly number[] =>
  Array.from({ length: calls }, (_, index) => index).filter((index) => index % threads === thread);

/** Undefined: it was stopped before its end. Rejects if the worker itself failed. */
function resultOf(
  worker: Worker,
  onCall: (violations: readonly SeededViolation[]) => void,
): Promise<BatchResult | undefined> {
  return new Promise((resolve, reject) => {
    worker.on('message', (report: WorkerReport) => {
      if (report.type === 'call') onCall(report.violations);
      else resolve(report.result);
    });
    worker.on('error', reject);
    worker.on('exit', () => resolve(undefined));
  });
}
