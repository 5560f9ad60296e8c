/** Runs work one at a time per key, in the order asked for; different keys do not wait for each other. */
export type KeyedLock = {
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
  /** Keys with work under way or waiting. */
  readonly size: number;
};

/** Holds within this process only. */
export function createKeyedLock(): KeyedLock {
  const tails = new Map<string, Promise<unknown>>();
  return {
    run(key, work) {
      // The one before may have failed; that is its caller's to know, not ours.
      const result = (tails.get(key) ?? Promise.resolve()).then(work, work);
      const tail = result
        .catch(() => undefined)
        .finally(() => {
          if (tails.get(key) === tail) tails.delete(key);
        });
      tails.set(key, tail);
      return result;
    },
    get size() {
      return tails.size;
    },
  };
}
