import { parentPort } from 'node:worker_threads';
import { VoiceError } from '#lib/errors.ts';
import { runReplayJob } from './replay-job.ts';
import type { ReplayJob, ReplayResult } from './replay-job.ts';

/** `refused`: a sentence on why the call cannot be replayed. */
export type ReplayAnswer = { readonly result: ReplayResult } | { readonly refused: string };

// What is no refusal is a fault of the program: it ends the thread, and the one that asked is told.
parentPort?.on('message', (job: ReplayJob) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(answerTo(job));
});

function answerTo(job: ReplayJob): ReplayAnswer {
  try {
    return { result: runReplayJob(job) };
  } catch (error) {
    if (error instanceof VoiceError) return { refused: error.message };
    throw error;
  }
}
