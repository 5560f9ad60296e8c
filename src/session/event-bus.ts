import { messageOf } from '#lib/errors.ts';
import type { Log } from '#lib/log.ts';
import type { LiveEvent } from '#protocol/events.ts';

type Listener = (event: LiveEvent) => void;

/** Live events of this node's calls, by instance. */
export type EventBus = {
  publish(instanceId: string, event: LiveEvent): void;
  subscribe(instanceId: string, on: Listener): () => void;
};

export function createEventBus(log: Log): EventBus {
  const listeners = new Map<string, Set<Listener>>();
  return {
    publish(instanceId, event) {
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
