import { sleepOn } from './clock.ts';
import type { Clock } from './clock.ts';

export type VirtualClock = Clock & {
  /** Moves time on by `byMs`, firing what falls due in order, letting promises settle in between. */
  advance(byMs: number): Promise<void>;
  /** How many timers are waiting; a test that ends with some has leaked them. */
  readonly pending: number;
};

type Entry = { readonly atMs: number; readonly order: number; readonly fire: () => void };

/** A clock that stands still until told to move: an hour of a call costs milliseconds. */
export function virtualClock(startMs = 0): VirtualClock {
  let nowMs = startMs;
  let order = 0;
  const entries = new Set<Entry>();

  const earliest = (untilMs: number): Entry | undefined => {
    let best: Entry | undefined;
    for (const entry of entries) {
      if (entry.atMs > untilMs) continue;
      if (!best || entry.atMs < best.atMs || (entry.atMs === best.atMs && entry.order < best.order))
        best = entry;
    }
    return best;
  };

  const clock: VirtualClock = {
    now: () => nowMs,
    after(delayMs, fire) {
      const entry = { atMs: nowMs + Math.max(0, delayMs), order: order++, fire };
      entries.add(entry);
      return () => void entries.delete(entry);
    },
    sleep: (delayMs, signal) => sleepOn(clock, delayMs, signal),
    async advance(byMs) {
      const untilMs = nowMs + byMs;
      await settle();
      for (let next = earliest(untilMs); next; next = earliest(untilMs)) {
        entries.delete(next);
        nowMs = Math.max(nowMs, next.atMs);
        next.fire();
        await settle();
      }
      nowMs = untilMs;
    },
    get pending() {
      return entries.size;
    },
  };
  return clock;
}

/** One turn of the event loop: every promise that could settle has settled. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
