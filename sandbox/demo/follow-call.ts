import type { Clock } from '#lib/clock.ts';
import type { LiveEvent } from '#protocol/events.ts';
import { followEvents } from './live-events.ts';
import type { Stage } from './stage.ts';

/**
 * Follows the agent's events while `work` goes on. It is given the id of the call that the first
 * event of `type` is about, once there is one.
 */
export async function whileFollowing<Result>(
  { server, instanceId, apiKey }: Pick<Stage, 'server' | 'instanceId' | 'apiKey'>,
  type: LiveEvent['type'],
  onEvent: (event: LiveEvent) => void,
  work: (callId: Promise<string>) => Promise<Result>,
): Promise<Result> {
  const told = Promise.withResolvers<string>();
  const events = await followEvents({
    origin: server.origin,
    instanceId,
    apiKey,
    on(event) {
      onEvent(event);
      if (event.type === type) told.resolve(event.call_id);
    },
  });
  try {
    return await work(told.promise);
  } finally {
    events.close();
    await events.closed;
  }
}

const POLL_MS = 50;

/** Asks until the answer is good, or it takes too long: then the last answer it is. */
export async function askUntil<Value>(
  clock: Clock,
  limitMs: number,
  ask: () => Promise<Value>,
  isGood: (value: Value) => boolean,
): Promise<Value> {
  const untilMs = clock.now() + limitMs;
  for (;;) {
    const value = await ask();
    if (isGood(value) || clock.now() > untilMs) return value;
    await clock.sleep(POLL_MS);
  }
}
