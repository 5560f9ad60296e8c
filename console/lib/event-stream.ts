import type { LiveEvent } from '#protocol/events.ts';
import type { Api } from './api.ts';
import { ApiError } from './api.ts';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;
/** The server sends a comment every 15 s: a line that is silent for longer is dead. */
const SILENCE_MS = 40_000;

export type StreamState = 'connecting' | 'open' | 'waiting' | 'refused';

/**
 * Follows the live events at a path until `signal` aborts, through restarts of the server. By
 * `fetch`, since the browser's own EventSource can send no header, and a key has no place in a URL.
 * `onOpen` comes at each connection, before its first event.
 */
export async function followEvents(options: {
  readonly api: Api;
  readonly path: string;
  readonly signal: AbortSignal;
  readonly sleep?: typeof sleepFor;
  readonly onState: (state: StreamState, error?: ApiError) => void;
  readonly onEvent: (event: LiveEvent) => void;
}): Promise<void> {
  const { api, path, signal, sleep = sleepFor, onState, onEvent } = options;
  let retryMs = FIRST_RETRY_MS;
  while (!signal.aborted) {
    onState('connecting');
    let error: ApiError | undefined;
    try {
      const response = await api.open(path, signal);
      onState('open');
      retryMs = FIRST_RETRY_MS;
      await readEvents(response, onEvent);
    } catch (thrown) {
      error = thrown instanceof ApiError ? thrown : undefined;
    }
    if (signal.aborted) return;
    if (error && error.status >= 400 && error.status < 500) return onState('refused', error);
    onState('waiting', error);
    await sleep(retryMs, signal);
    retryMs = Math.min(LAST_RETRY_MS, retryMs * 2);
  }
}

async function readEvents(response: Response, onEvent: (event: LiveEvent) => void): Promise<void> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  let rest = '';
  for (;;) {
    let timer;
    const silence = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), SILENCE_MS);
    });
    const chunk = await Promise.race([reader.read(), silence]);
    clearTimeout(timer);
    if (!chunk || chunk.done) {
      await reader.cancel().catch(() => undefined);
      return;
    }
    const read = readFrames(rest + chunk.value);
    rest = read.rest;
    read.events.forEach(onEvent);
  }
}

/** The event of every whole frame, and the text behind the last of them. */
export function readFrames(text: string): {
  readonly events: readonly LiveEvent[];
  readonly rest: string;
} {
  const frames = text.split('\n\n');
  const rest = frames.pop() ?? '';
  const events = frames.flatMap((frame) => {
    const lines = frame
      .split('\n')
      .filter((line) => line.startsWith('data:'))
      .map((line) => line.slice('data:'.length));
    if (lines.length === 0) return [];
    const event: LiveEvent = JSON.parse(lines.join('\n'));
    return [event];
  });
  return { events, rest };
}

const sleepFor = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
