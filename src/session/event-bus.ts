import { messageOf } from '#lib/errors.ts';
import type { Log } from '#lib/log.ts';
import type { LiveEvent } from '#protocol/events.ts';

/** Of a call that goes on elsewhere the end is not told here: so many are remembered, and no more. */
const BEGUN_MAX = 10_000;

type Listener = (event: LiveEvent) => void;

/** Live events of this node's calls, by instance. */
export type EventBus = {
  /** A call begins once: both who leads it and who is told of it may say so. */
  publish(instanceId: string, event: LiveEvent): void;
  subscribe(instanceId: string, on: Listener): () => void;
};

export function createEventBus(log: Log): EventBus {
  const listeners = new Map<string, Set<Listener>>();
  const begun = new Set<string>();
  const isRepeated = ({ type, call_id }: LiveEvent): boolean => {
    if (type === 'call-ended') begun.delete(call_id);
    if (type !== 'call-started') return false;
    if (begun.has(call_id)) return true;
    begun.add(call_id);
    const [oldest] = begun;
    if (begun.size > BEGUN_MAX && oldest !== undefined) begun.delete(oldest);
    return false;
  };
  return {
    publish(instanceId, event) {
      if (isRepeated(event)) return;
      for (const listener of listeners.get(instanceId) ?? []) {
        try {
          listener(event);
        } catch (error) {
          // Who watches a call must not be able to disturb it.
          log.warn({ error: messageOf(error) }, 'a listener to live events failed');
        }
      }
    },
    subscribe(instanceId, on) {
      const of = listeners.get(instanceId) ?? new Set();
      listeners.set(instanceId, of.add(on));
      return () => {
        of.delete(on);
        if (of.size === 0 && listeners.get(instanceId) === of) listeners.delete(instanceId);
      };
    },
  };
}
