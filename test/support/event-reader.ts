import { streamEventSchema } from '#protocol/events.ts';
import type { StreamEvent } from '#protocol/events.ts';
import type { Turn } from '#protocol/calls.ts';

/** What a reader of live events knows of a call. */
export type ReadCall = {
  readonly turns: Turn[];
  endReason: string | null;
};

/**
 * A reader of live events that behaves as a browser's `EventSource` does, and comes back when asked
 * to. It makes of them what it takes the calls to be, and complains of what is told twice or in the
 * wrong order.
 */
export type EventReader = {
  /** What it believes. After a `reset` that of before, until all was told. */
  readonly calls: ReadonlyMap<string, ReadCall>;
  readonly complaints: readonly string[];
  readonly events: readonly StreamEvent[];
  readonly lastEventId: string;
  /** Resolves once the stream is open, with the status. */
  connect(origin: string): Promise<number>;
  /** Resolves when nothing more of the connection is read; at once if there is none. */
  readonly ended: () => Promise<void>;
  disconnect(): Promise<void>;
};

export function eventReader(options: {
  readonly instanceId: string;
  readonly apiKey: string;
  /** An id to begin with; undefined: from now on. */
  readonly lastEventId?: string;
}): EventReader {
  let calls = new Map<string, ReadCall>();
  let anew: Map<string, ReadCall> | undefined;
  let lastEventId = options.lastEventId ?? '';
  let stop = new AbortController();
  let reading: Promise<void> = Promise.resolve();
  const complaints: string[] = [];
  const events: StreamEvent[] = [];

  const take = (event: StreamEvent): void => {
    events.push(event);
    switch (event.type) {
      case 'reset':
        anew = new Map();
        return;
      case 'call': {
        if (!anew) complaints.push('a call outside of a reset');
        if (anew?.has(event.call_id)) complaints.push('a call twice in a reset');
        anew?.set(event.call_id, {
          turns: [...event.call.turns],
          endReason: event.call.end_reason,
        });
        return;
      }
      case 'current':
        calls = anew ?? calls;
        anew = undefined;
        return;
      case 'call-started':
        if (anew) complaints.push('a start within a reset');
        if (calls.get(event.call_id)?.endReason === null) complaints.push('a start twice');
        calls.set(event.call_id, { turns: [], endReason: null });
        return;
      case 'turn': {
        const known = calls.get(event.call_id);
        if (!known || known.endReason !== null)
          complaints.push('a turn of a call that is not live');
        else if (event.turn.index !== known.turns.length)
          complaints.push(`turn ${event.turn.index} after ${known.turns.length} turns`);
        known?.turns.push(event.turn);
        return;
      }
      case 'call-ended': {
        const known = calls.get(event.call_id);
        if (known && known.endReason !== null) complaints.push('an end twice');
        if (known) known.endReason = event.reason;
        return;
      }
      default:
    }
  };

  const block = (text: string): void => {
    let data = '';
    for (const line of text.split('\n')) {
      if (line.startsWith('id: ')) lastEventId = line.slice(4);
      if (line.startsWith('data: ')) data += line.slice(6);
    }
    if (data !== '') take(streamEventSchema.parse(JSON.parse(data)));
  };

  const read = async (body: AsyncIterable<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder();
    let text = '';
    try {
      for await (const chunk of body) {
        const blocks = (text + decoder.decode(chunk, { stream: true })).split('\n\n');
        text = blocks.pop() ?? '';
        blocks.forEach(block);
      }
    } catch {
      // However it ends, it comes back.
    }
    anew = undefined;
  };

  return {
    get calls() {
      return calls;
    },
    complaints,
    events,
    get lastEventId() {
      return lastEventId;
    },
    async connect(origin) {
      stop = new AbortController();
      const response = await fetch(`${origin}/v1/instances/${options.instanceId}/events`, {
        headers: {
          'x-api-key': options.apiKey,
          ...(lastEventId !== '' && { 'last-event-id': lastEventId }),
        },
        signal: stop.signal,
      });
      if (response.ok && response.body) reading = read(response.body);
      return response.status;
    },
    ended: () => reading,
    async disconnect() {
      stop.abort();
      await reading;
    },
  };
}
