import type { StreamEvent } from '#protocol/events.ts';
import type { Api } from './api.ts';
import { ApiError } from './api.ts';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;
/** The server sends a comment every 15 s: a line that is silent for longer is dead. */
const SILENCE_MS = 40_000;

export type StreamState = 'connecting' | 'open' | 'waiting' | 'refused';

/** No event has this id: all that is stored is told first. */
const FROM_STORED = '0';

/**
 * Follows the live events at a path until `signal` aborts, through restarts of the server: what was
 * missed is told at the next connection. By `fetch`, since the browser's own EventSource can send no
 * header, and a key has no place in a URL.
 */
export async function followEvents(options: {
  readonly api: Api;
  readonly path: string;
  /** Whether to be told how loud the voices are. */
  readonly levels: boolean;
  readonly signal: AbortSignal;
  readonly sleep?: typeof sleepFor;
  readonly onState: (state: StreamState, error?: ApiError) => void;
  readonly onEvent: (event: StreamEvent) => void;
}): Promise<void> {
  const { api, path, levels, signal, sleep = sleepFor, onState, onEvent } = options;
  let retryMs = FIRST_RETRY_MS;
  let lastEventId = FROM_STORED;
  while (!signal.aborted) {
    onState('connecting');
    let error: ApiError | undefined;
    try {
      const query = new URLSearchParams({ last_event_id: lastEventId, levels: String(levels) });
      const response = await api.open(`${path}?${query.toString()}`, signal);
      onState('open');
      retryMs = FIRST_RETRY_MS;
      await readEvents(response, ({ id, event }) => {
        if (event) onEvent(event);
        if (id !== undefined) lastEventId = id;
      });
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

async function readEvents(response: Response, onFrame: (frame: Frame) => void): Promise<void> {
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
    read.frames.forEach(onFrame);
  }
}

/** What stands between two empty lines: an event, or where the reader stands, or both or neither. */
type Frame = { readonly id: string | undefined; readonly event: StreamEvent | undefined };

/** Every whole frame, and the text behind the last of them. */
export function readFrames(text: string): {
  readonly frames: readonly Frame[];
  readonly rest: string;
} {
  const frames = text.split('\n\n');
  const rest = frames.pop() ?? '';
  return { frames: frames.map(readFrame), rest };
}

function readFrame(frame: string): Frame {
  const lines = frame.split('\n');
  const id = lines.findLast((line) => line.startsWith('id:'))?.slice('id:'.length);
  const data = lines
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice('data:'.length));
  const event: StreamEvent | undefined =
    data.length === 0 ? undefined : JSON.parse(data.join('\n'));
  return { id: id?.trimStart(), event };
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
