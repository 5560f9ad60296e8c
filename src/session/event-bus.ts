import type { ToldEvent, ToldSince } from '#contracts/live-calls.ts';
import type { Clock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import { newToken } from '#lib/ids.ts';
import type { Log } from '#lib/log.ts';
import type { LiveEvent } from '#protocol/events.ts';

/** Of calls that have begun, and of those that have ended, so many are remembered, and no more. */
const REMEMBERED_MAX = 10_000;
/**
 * So many of all instances are kept for readers that come back, some seconds' worth on a busy node
 * and a few megabytes. Who was away for longer is told what is stored.
 */
const KEPT_MAX = 8_192;

type Listener = (event: LiveEvent, id: string) => void;

/** Live events of this node's calls, by instance. */
export type EventBus = {
  /** A call begins and ends once: both who leads it and who is told of it may say so. */
  publish(instanceId: string, event: LiveEvent): void;
  subscribe(instanceId: string, on: Listener): () => void;
  position(): string;
  since(instanceId: string, id: string): ToldSince;
  forget(callId: string): void;
};

type Kept = ToldEvent & { readonly instanceId: string };

/**
 * An id is the node's, its count and its time: `Zx81aQ3k.42.1795176000000`. It says when it was told
 * to a node that knows nothing else of it.
 */
export function createEventBus({
  log,
  clock,
}: {
  readonly log: Log;
  readonly clock: Pick<Clock, 'now'>;
}): EventBus {
  const node = newToken(9);
  const listeners = new Map<string, Set<Listener>>();
  const begun = new Set<string>();
  const ended = new Set<string>();
  /** The event of count n stands at n modulo their number. */
  const kept: (Kept | undefined)[] = [];
  let count = 0;

  const isRepeated = ({ type, call_id: callId }: LiveEvent): boolean => {
    if (type !== 'call-started' && type !== 'call-ended') return false;
    const [same, opposite] = type === 'call-started' ? [begun, ended] : [ended, begun];
    opposite.delete(callId);
    if (same.has(callId)) return true;
    same.add(callId);
    const [oldest] = same;
    if (same.size > REMEMBERED_MAX && oldest !== undefined) same.delete(oldest);
    return false;
  };
  const position = (): string => `${node}.${count}.${Math.floor(clock.now())}`;

  return {
    publish(instanceId, event) {
      if (isRepeated(event)) return;
      count += 1;
      const id = position();
      kept[count % KEPT_MAX] = { id, event, instanceId };
      for (const listener of listeners.get(instanceId) ?? []) {
        try {
          listener(event, id);
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
    position,
    since(instanceId, id) {
      const given = readId(id);
      if (!given) return { is: 'unknown', toldAtMs: undefined };
      const isKnown =
        given.node === node && given.count <= count && given.count >= count - KEPT_MAX;
      if (!isKnown) return { is: 'unknown', toldAtMs: given.toldAtMs };
      const events: ToldEvent[] = [];
      for (let next = given.count + 1; next <= count; next += 1) {
        const one = kept[next % KEPT_MAX];
        if (one?.instanceId === instanceId) events.push({ id: one.id, event: one.event });
      }
      return { is: 'known', events };
    },
    forget(callId) {
      for (const [at, one] of kept.entries())
        if (one?.event.call_id === callId) kept[at] = undefined;
    },
  };
}

/** The end of the year 9999: databases do not read dates beyond as they are written. */
const LATEST_MS = 253_402_300_799_999;

function readId(
  id: string,
): { readonly node: string; readonly count: number; readonly toldAtMs: number } | undefined {
  const [, node, count, toldAt] = /^([\w-]{1,40})\.(\d{1,15})\.(\d{1,16})$/.exec(id) ?? [];
  const toldAtMs = Number(toldAt);
  if (node === undefined || !(toldAtMs <= LATEST_MS)) return undefined;
  return { node, count: Number(count), toldAtMs };
}
