import type { ServerResponse } from 'node:http';
import type { Clock } from '#lib/clock.ts';
import { streamEventSchema } from '#protocol/events.ts';
import type { StreamEvent } from '#protocol/events.ts';

/** Proxies close a connection that has been silent for a while, often for 30 s or 60 s. */
const HEARTBEAT_MS = 15_000;
/** A reader that is this far behind is cut off, instead of being stored for without limit. */
const UNREAD_BYTES_MAX = 1_048_576;
/** To a reader that is this far behind nothing is told that is of the moment alone. */
const HURRY_BYTES_MAX = 65_536;
/** A reader that takes nothing for so long is cut off. */
const DRAIN_MAX_MS = 30_000;

export type SentEvent = { readonly event: StreamEvent; readonly id?: string };

/** Server-sent events to one reader, until it goes, is too slow, loses access, or `end` is called. */
export type EventStream = {
  /** Aborted when the stream has ended. */
  readonly signal: AbortSignal;
  /** An event, with its id if a reader may come back to it. */
  send(event: StreamEvent, id?: string): void;
  /** An event that is not worth waiting for. */
  sendInPassing(event: StreamEvent): void;
  /** Where the reader stands, without an event; undefined: nowhere yet. */
  sendPosition(id: string | undefined, comment: string): void;
  /** Much at once; resolves when the reader has taken it. Rejects when the stream has ended. */
  sendMuch(events: readonly SentEvent[]): Promise<void>;
  end(): void;
};

export function openEventStream(
  response: ServerResponse,
  clock: Clock,
  /** Asked at every heartbeat; undefined: access was taken away. */
  beat: () => Promise<{ readonly position: string | undefined } | undefined>,
): EventStream {
  const over = new AbortController();
  const { signal } = over;
  const end = (): void => {
    if (signal.aborted) return;
    over.abort(new Error('the stream has ended'));
    cancelHeartbeat();
    response.end();
  };
  const cut = (): void => {
    end();
    response.destroy();
  };
  const write = (text: string): void => {
    if (signal.aborted) return;
    response.write(text);
    if (response.writableLength > UNREAD_BYTES_MAX) cut();
  };
  const sendPosition = (id: string | undefined, comment: string): void =>
    write(`${idLine(id)}: ${comment}\n\n`);
  const keepBeating = async (): Promise<void> => {
    const at = await beat();
    if (!at) return end();
    sendPosition(at.position, 'still here');
    if (!signal.aborted) cancelHeartbeat = clock.after(HEARTBEAT_MS, () => void keepBeating());
  };
  const drained = async (): Promise<void> => {
    signal.throwIfAborted();
    if (!response.writableNeedDrain) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stopWaiting = clock.after(DRAIN_MAX_MS, cut);
    const gone = (): void => reject(signal.reason);
    response.once('drain', resolve);
    signal.addEventListener('abort', gone, { once: true });
    try {
      await promise;
    } finally {
      stopWaiting();
      response.off('drain', resolve);
      signal.removeEventListener('abort', gone);
    }
  };

  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // The stream ends with its connection, which would otherwise outlast it, idle.
    connection: 'close',
    // Tells nginx not to hold events back.
    'x-accel-buffering': 'no',
  });
  response.on('error', () => undefined);
  response.once('close', end);
  let cancelHeartbeat = clock.after(HEARTBEAT_MS, () => void keepBeating());
  write('retry: 2000\n\n');

  return {
    signal,
    send: (event, id) => write(frame(event, id)),
    sendInPassing(event) {
      if (response.writableLength < HURRY_BYTES_MAX) write(frame(event));
    },
    sendPosition,
    async sendMuch(events) {
      signal.throwIfAborted();
      response.write(events.map(({ event, id }) => frame(event, id)).join(''));
      await drained();
    },
    end,
  };
}

/** JSON holds no raw line break, so one `data` line is enough. */
const frame = (event: StreamEvent, id?: string): string =>
  `${idLine(id)}event: ${event.type}\ndata: ${JSON.stringify(streamEventSchema.parse(event))}\n\n`;

const idLine = (id: string | undefined): string => (id === undefined ? '' : `id: ${id}\n`);
