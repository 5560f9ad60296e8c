import type { Cancel, Clock } from '#lib/clock.ts';

/** One timer per name; setting it again moves it. */
export type NamedTimers<Name extends string> = {
  set(name: Name, afterMs: number, fire: () => void): void;
  cancel(name: Name): void;
  cancelAll(): void;
};

export function namedTimers<Name extends string>(clock: Clock): NamedTimers<Name> {
  const running = new Map<Name, Cancel>();
  const cancel = (name: Name): void => {
    running.get(name)?.();
    running.delete(name);
  };
  return {
    set(name, afterMs, fire) {
      cancel(name);
      running.set(
        name,
        clock.after(afterMs, () => {
          running.delete(name);
          fire();
        }),
      );
    },
    cancel,
    cancelAll() {
      for (const name of running.keys()) cancel(name);
    },
  };
}
