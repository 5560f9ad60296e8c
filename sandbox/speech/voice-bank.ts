import { Worker } from 'node:worker_threads';
import { messageOf } from '#lib/errors.ts';
import { voices } from './speech.ts';
import type { FliteAnswer, FliteRequest } from './flite-worker.ts';
import type { SpeechClip, VoiceBank } from './speech.ts';

/**
 * A bank that speaks with Flite, in a thread of its own: a sentence takes about 100 ms of computing,
 * and the sandbox's event loop has frames to send every 20. The thread keeps no process alive while
 * it is idle; disposing the bank ends it, and what is being said then fails.
 *
 * `speak` rejects an unknown voice. Text with nothing to say gives a short silence without words.
 */
export async function createVoiceBank(): Promise<VoiceBank & AsyncDisposable> {
  const worker = new Worker(new URL('./flite-worker.ts', import.meta.url));
  const clips: SpeechClip[] = [];
  const known = new Map<string, Promise<SpeechClip>>();
  const waiting = new Map<number, PromiseWithResolvers<SpeechClip> & FliteRequest>();
  const ready = Promise.withResolvers<void>();
  let nextId = 1;
  let dead: Error | undefined;

  const fail = (reason: Error): void => {
    dead ??= reason;
    ready.reject(dead);
    for (const request of waiting.values()) request.reject(dead);
    waiting.clear();
  };

  worker.on('error', (error) => fail(error instanceof Error ? error : new Error(messageOf(error))));
  worker.on('exit', () => fail(new Error('The voice bank is closed.')));
  worker.on('message', (answer: FliteAnswer) => {
    if (answer.type === 'ready') {
      ready.resolve();
      return;
    }
    const request = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (waiting.size === 0) worker.unref();
    if (!request) return;
    if (answer.type === 'failed') {
      request.reject(new Error(`Cannot say "${request.text}": ${answer.message}`));
      return;
    }
    const clip = { text: request.text, voice: request.voice, ...answer.synthesis };
    clips.push(clip);
    request.resolve(clip);
  });

  const ask = (text: string, voice: string): Promise<SpeechClip> => {
    if (dead) return Promise.reject(dead);
    const request = { id: nextId++, text, voice };
    const promise = Promise.withResolvers<SpeechClip>();
    waiting.set(request.id, { ...promise, ...request });
    worker.ref();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    worker.postMessage(request);
    return promise.promise;
  };

  await ready.promise;
  worker.unref();

  return {
    clips,
    speak(text, voice) {
      if (!(voices as readonly string[]).includes(voice))
        return Promise.reject(
          new Error(`No voice is called "${voice}"; there are ${voices.join(', ')}.`),
        );
      const key = `${voice}\0${text}`;
      const cached = known.get(key);
      if (cached) return cached;
      const clip = ask(text, voice);
      known.set(key, clip);
      // A failure is not remembered: it would stay when its cause is gone.
      clip.catch(() => known.delete(key));
      return clip;
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}
