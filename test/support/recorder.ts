/** Keeps what a listener is told, and lets a test wait for it. */
export type Recorder<T> = {
  readonly all: readonly T[];
  readonly on: (item: T) => void;
  /** The first item, past or to come, that satisfies `is`; the test's own time limit ends the waiting. */
  until(is: (item: T) => boolean): Promise<T>;
};

export function recorder<T>(): Recorder<T> {
  const all: T[] = [];
  const waiting = new Set<(item: T) => void>();
  return {
    all,
    on(item) {
      all.push(item);
      for (const wait of waiting) wait(item);
    },
    until(is) {
      const known = all.find((item) => is(item));
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((resolve) => {
        const wait = (item: T): void => {
          if (!is(item)) return;
          waiting.delete(wait);
          resolve(item);
        };
        waiting.add(wait);
      });
    },
  };
}
