import { InferenceSession, Tensor } from 'onnxruntime-node';
import { parentPort, workerData } from 'node:worker_threads';
import { decodeMulaw } from '#audio/g711.ts';
import { CONTEXT_SAMPLES, WINDOW_SAMPLES } from './window.ts';
import type { InferenceRequest } from './inference.ts';

/** Size of each half of the model's memory, one such pair for each stream. */
const STATE_SIZE = 128;

/**
 * The thread that runs the model, because `onnxruntime-node` computes on the thread that asks. It keeps
 * what the model remembers of each stream: two state vectors, and the last samples before the window.
 */
const session = await InferenceSession.create(modelPath(workerData), {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
});
const sampleRate = new Tensor('int64', BigInt64Array.of(8_000n), []);
const states = new Map<number, Float32Array>();
const contexts = new Map<number, Float32Array>();

async function infer({ slots, fresh, mulaw }: InferenceRequest): Promise<Float32Array> {
  const width = CONTEXT_SAMPLES + WINDOW_SAMPLES;
  const input = new Float32Array(slots.length * width);
  const state = new Float32Array(2 * slots.length * STATE_SIZE);
  const pcm = decodeMulaw(mulaw);

  for (const [row, slot] of slots.entries()) {
    const known = fresh[row] === 1 ? undefined : states.get(slot);
    const context = fresh[row] === 1 ? undefined : contexts.get(slot);
    if (context) input.set(context, row * width);
    const samples = row * width + CONTEXT_SAMPLES;
    for (let i = 0; i < WINDOW_SAMPLES; i++)
      input[samples + i] = (pcm[row * WINDOW_SAMPLES + i] ?? 0) / 32_768;
    if (!known) continue;
    state.set(known.subarray(0, STATE_SIZE), row * STATE_SIZE);
    state.set(known.subarray(STATE_SIZE), (slots.length + row) * STATE_SIZE);
  }

  const answer = await session.run({
    input: new Tensor('float32', input, [slots.length, width]),
    state: new Tensor('float32', state, [2, slots.length, STATE_SIZE]),
    sr: sampleRate,
  });
  const next = floats(answer['stateN']);
  for (const [row, slot] of slots.entries()) {
    const kept = new Float32Array(2 * STATE_SIZE);
    kept.set(next.subarray(row * STATE_SIZE, (row + 1) * STATE_SIZE));
    const second = (slots.length + row) * STATE_SIZE;
    kept.set(next.subarray(second, second + STATE_SIZE), STATE_SIZE);
    states.set(slot, kept);
    contexts.set(slot, input.slice((row + 1) * width - CONTEXT_SAMPLES, (row + 1) * width));
  }
  return Float32Array.from(floats(answer['output']));
}

function floats(tensor: { readonly data: unknown } | undefined): Float32Array {
  if (tensor?.data instanceof Float32Array) return tensor.data;
  throw new TypeError('the voice activity model did not answer with floats');
}

function modelPath(data: unknown): string {
  if (typeof data === 'string') return data;
  throw new TypeError('the worker needs the path of the model');
}

// One batch at a time: the asking side waits for each answer, so states never cross.
parentPort?.on('message', (request: InferenceRequest | 'close') => {
  if (request === 'close') {
    void session.release().then(() => parentPort?.close());
    return;
  }
  void infer(request).then(answer);
});
answer('ready');

function answer(message: Float32Array | 'ready'): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(message);
}
