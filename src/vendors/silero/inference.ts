import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { messageOf } from '#lib/errors.ts';

/** One window each of several streams; no stream twice. */
export type InferenceRequest = {
  /** Which stream's memory each row goes on with. */
  readonly slots: Uint32Array;
  /** 1 where the memory begins anew. */
  readonly fresh: Uint8Array;
  /** The windows one after the other, `WINDOW_SAMPLES` bytes each. */
  readonly mulaw: Uint8Array;
};

/** The model in a thread of its own. */
export type Inference = {
  /** Probability of speech for each row. One at a time. Rejects if the thread dies; it is then of no more use. */
  run(request: InferenceRequest): Promise<Float32Array>;
  close(): Promise<void>;
};

const START_WITHIN_MS = 30_000;
const CLOSE_WITHIN_MS = 2_000;

/** Loads the model. Rejects with a readable error if that is not possible on this machine. */
export async function startInference(): Promise<Inference> {
  const model = fileURLToPath(import.meta.resolve('@ricky0123/vad-web/dist/silero_vad_v6.onnx'));
  const worker = new Worker(new URL('./inference-worker.ts', import.meta.url), {
    workerData: model,
  });
  let waiting: PromiseWithResolvers<unknown> | undefined = Promise.withResolvers();
  let dead: Error | undefined;

  const die = (reason: Error): void => {
    dead ??= reason;
    waiting?.reject(dead);
    waiting = undefined;
  };
  const exited = new Promise<void>((resolve) => {
    worker.on('exit', (code) => {
      die(new Error(`the voice activity thread ended with code ${code}`));
      resolve();
    });
  });
  worker.on('error', (error) => die(error));
  worker.on('message', (answer: unknown) => {
    const asked = waiting;
    waiting = undefined;
    asked?.resolve(answer);
  });

  const post = (message: InferenceRequest | 'close'): void => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    worker.postMessage(message);
  };
  const timer = setTimeout(() => {
    die(new Error(`not ready within ${START_WITHIN_MS} ms`));
    void worker.terminate();
  }, START_WITHIN_MS);
  try {
    await waiting.promise;
  } catch (error) {
    throw new Error(`cannot load the voice activity model: ${messageOf(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }

  return {
    async run(request) {
      if (dead) throw dead;
      // The runtime does not throw on a batch of nothing: it ends the process.
      if (request.slots.length === 0) throw new RangeError('a batch needs at least one window');
      if (waiting) throw new Error('the voice activity model takes one batch at a time');
      waiting = Promise.withResolvers();
      const { promise } = waiting;
      post(request);
      const answer = await promise;
      if (answer instanceof Float32Array && answer.length === request.slots.length) return answer;
      throw new Error('the voice activity thread gave no probabilities');
    },
    async close() {
      post('close');
      // The thread ends by itself once the model is released; a stuck one is not waited for.
      const force = setTimeout(() => void worker.terminate(), CLOSE_WITHIN_MS);
      await exited;
      clearTimeout(force);
    },
  };
}
