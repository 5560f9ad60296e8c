import { parentPort } from 'node:worker_threads';
import { messageOf } from '#lib/errors.ts';
import { loadFlite } from './flite.ts';
import { synthesize } from './synthesis.ts';
import type { Synthesis } from './synthesis.ts';

export type FliteRequest = { readonly id: number; readonly text: string; readonly voice: string };

export type FliteAnswer =
  | { readonly type: 'ready' }
  | { readonly type: 'said'; readonly id: number; readonly synthesis: Synthesis }
  | { readonly type: 'failed'; readonly id: number; readonly message: string };

const flite = await loadFlite();

const answer = ({ id, text, voice }: FliteRequest): FliteAnswer => {
  try {
    return { type: 'said', id, synthesis: synthesize(flite, text, voice) };
  } catch (error) {
    return { type: 'failed', id, message: messageOf(error) };
  }
};

const send = (it: FliteAnswer): void => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(it);
};

parentPort?.on('message', (request: FliteRequest) => send(answer(request)));
send({ type: 'ready' });
