import { sleepOn } from '#lib/clock.ts';
import type { Cancel, Clock } from '#lib/clock.ts';

/** Virtual time that moves from timer to timer, and stands still while real work is under way. */
export type SimulationClock = Clock & {
  /** How many timers are waiting. */
  readonly pending: number;
  /** Time does not move before `work` has settled: how fast the machine is does not show in a call. */
  hold<T>(work: Promise<T>): Promise<T>;
  /**
   * As long as `work` is under way time moves with more care: it takes several turns of the event
   * loop, and waits for timers itself, so that it cannot be held.
   */
  withCare<T>(work: Promise<T>): Promise<T>;
  /** Fires what falls due, in order, until `isDone` or until nothing is left that falls due by `untilMs`. */
  run(isDone: () => boolean, untilMs: number): Promise<void>;
};

/** A part of the clock whose timers can be stopped for good, as those of a process that is killed. */
export type ClockView = Clock & {
  readonly pending: number;
  stop(): void;
};

/** More than a request to the hooks takes from its start to the next question to the store, or to its end. */
const CAREFUL_TURNS = 12;

/** Less than that is lost where it is added to a time since 1970, and time would stand still. */
const SHORTEST_MS = 0.001;

type Entry = { readonly atMs: number; readonly order: number; fire: (() => void) | undefined };

export function simulationClock(startMs: number): SimulationClock {
  let nowMs = startMs;
  let order = 0;
  let pending = 0;
  const heap: Entry[] = [];
  const held = new Set<Promise<unknown>>();
  let cares = 0;
  const settle = (): Promise<void> => settled(held, () => (cares > 0 ? CAREFUL_TURNS : 1));

  const clock: SimulationClock = {
    now: () => nowMs,
    after(delayMs, fire) {
      const laterMs = delayMs > 0 ? Math.max(delayMs, SHORTEST_MS) : 0;
      const entry: Entry = { atMs: nowMs + laterMs, order: order++, fire };
      push(heap, entry);
      pending++;
      return () => {
        if (!entry.fire) return;
        entry.fire = undefined;
        pending--;
      };
    },
    sleep: (delayMs, signal) => sleepOn(clock, delayMs, signal),
    get pending() {
      return pending;
    },
    hold(work) {
      const settled = work.then(
        () => undefined,
        () => undefined,
      );
      held.add(settled);
      void settled.then(() => held.delete(settled));
      return work;
    },
    withCare(work) {
      cares++;
      const over = (): void => void cares--;
      work.then(over, over);
      return work;
    },
    async run(isDone, untilMs) {
      await settle();
      while (!isDone()) {
        const next = heap[0];
        if (!next || next.atMs > untilMs) break;
        pop(heap);
        const { fire } = next;
        if (!fire) continue;
        nowMs = Math.max(nowMs, next.atMs);
        next.fire = undefined;
        pending--;
        fire();
        await settle();
      }
      if (!isDone() && Number.isFinite(untilMs)) nowMs = Math.max(nowMs, untilMs);
    },
  };
  return clock;
}

export function viewOf(clock: Clock): ClockView {
  const running = new Set<Cancel>();
  let isStopped = false;
  const view: ClockView = {
    now: () => clock.now(),
    after(delayMs, fire) {
      if (isStopped) return () => undefined;
      const cancel = clock.after(delayMs, () => {
        running.delete(cancel);
        fire();
      });
      running.add(cancel);
      return () => {
        running.delete(cancel);
        cancel();
      };
    },
    sleep: (delayMs, signal) => sleepOn(view, delayMs, signal),
    get pending() {
      return running.size;
    },
    stop() {
      isStopped = true;
      for (const cancel of running) cancel();
      running.clear();
    },
  };
  return view;
}

/** Every promise that could settle has settled, and nothing that time has to wait for is under way. */
async function settled(held: ReadonlySet<Promise<unknown>>, turns: () => number): Promise<void> {
  for (let turn = 0; turn < turns(); turn++) {
    await turnOfTheLoop();
    while (held.size > 0) {
      await Promise.race(held);
      await turnOfTheLoop();
    }
  }
}

const turnOfTheLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const isBefore = (one: Entry, two: Entry): boolean =>
  one.atMs < two.atMs || (one.atMs === two.atMs && one.order < two.order);

function push(heap: Entry[], entry: Entry): void {
  let at = heap.push(entry) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent];
    if (!above || isBefore(above, entry)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop();
  if (!last || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    let below = heap[child];
    if (!below) break;
    const right = heap[child + 1];
    if (right && isBefore(right, below)) {
      below = right;
      child++;
    }
    if (isBefore(last, below)) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = last;
}
