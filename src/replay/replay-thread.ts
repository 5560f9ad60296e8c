import { Worker } from 'node:worker_threads';
import type { Clock } from '#lib/clock.ts';
import { VoiceError } from '#lib/errors.ts';
import type { ReplayJob, ReplayResult } from './replay-job.ts';
import type { ReplayAnswer } from './replay-worker.ts';

/** Longer than the longest call takes on a slow machine that is busy. */
const REPLAY_LIMIT_MS = 30_000;
/** Journals of more are refused: the node that carries calls has to copy them. */
const ENTRIES_MAX = 200_000;
const MEMORY_MB_MAX = 512;
/** As many may wait as are asked for by a few people; each takes a second or less. */
const WAITING_MAX = 8;

export type ReplayThread = {
  /**
   * Replays a call in a thread of its own, one at a time.
   *
   * @throws VoiceError `conflict`: why this call cannot be replayed; `unavailable`: too many are asked for
   */
  run(job: ReplayJob): Promise<ReplayResult>;
};

/**
 * Replays calls beside those that this node carries: a replay of a long call computes for seconds,
 * and in this thread these would be seconds without sound. A thread lives for one replay.
 */
export function createReplayThread(clock: Pick<Clock, 'after'>): ReplayThread {
  let last: Promise<unknown> = Promise.resolve();
  let pending = 0;
  return {
    async run(job) {
      if (job.entries.length > ENTRIES_MAX) throw tooLong();
      if (pending > WAITING_MAX)
        throw new VoiceError('unavailable', 'Too many calls are being replayed. Try again soon.');
      pending += 1;
      const result = last.then(() => runInThread(job, clock));
      last = result.catch(() => undefined);
      try {
        return await result;
      } finally {
        pending -= 1;
      }
    },
  };
}

async function runInThread(job: ReplayJob, clock: Pick<Clock, 'after'>): Promise<ReplayResult> {
  const worker = new Worker(new URL('./replay-worker.ts', import.meta.url), {
    name: 'replay',
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB_MAX },
  });
  // A replay that nobody waits for any more must not keep the process alive.
  worker.unref();
  let cancelLimit = (): void => undefined;
  try {
    const answer = await new Promise<ReplayAnswer>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', (cause) => reject(outOfMemory(cause) ? tooLong() : cause));
      cancelLimit = clock.after(REPLAY_LIMIT_MS, () => reject(tooLong()));
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage(job);
    });
    if ('refused' in answer) throw new VoiceError('conflict', answer.refused);
    return answer.result;
  } finally {
    cancelLimit();
    await worker.terminate();
  }
}

const outOfMemory = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';

const tooLong = (): VoiceError =>
  new VoiceError(
    'conflict',
    'The call is too long to be replayed by the server. Replay it elsewhere: npm run -s replay.',
  );
