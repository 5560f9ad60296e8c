import { eventStreamParser } from '#lib/server-sent-events.ts';
import { liveEventSchema } from '#protocol/events.ts';
import type { LiveEvent } from '#protocol/events.ts';

/**
 * Follows an instance's live events, as any client of the API would. Resolves once the stream is
 * open; `closed` resolves when it has ended, after the last event was told.
 */
export async function followEvents(options: {
  readonly origin: string;
  readonly instanceId: string;
  readonly apiKey: string;
  readonly on: (event: LiveEvent) => void;
}): Promise<{ close(): void; readonly closed: Promise<void> }> {
  const stop = new AbortController();
  const url = `${options.origin}/v1/instances/${options.instanceId}/events`;
  const response = await fetch(url, {
    headers: { 'x-api-key': options.apiKey, accept: 'text/event-stream' },
    signal: stop.signal,
  });
  const { body } = response;
  if (!response.ok || !body) throw new Error(`GET ${url} answered ${response.status}`);
  const read = async (): Promise<void> => {
    const parse = eventStreamParser();
    for await (const chunk of body)
      for (const { data } of parse(chunk)) options.on(liveEventSchema.parse(JSON.parse(data)));
  };
  return {
    close: () => stop.abort(),
    closed: read().catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    }),
  };
}
