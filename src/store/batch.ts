type Waiting<Item> = {
  readonly item: Item;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};

/** More at once saves little, and makes everybody wait for the slowest. */
const BATCH_MAX = 100;

/**
 * Writes what many calls store at the same time in one transaction. Nothing waits for company: a
 * lone item is written at once; what comes while a write of the same key is under way goes together
 * in the next one, in the order it came. A promise resolves when its own item is committed. Where a
 * batch fails, each of its items is tried alone, so that one does not fail for another.
 */
export function createBatches<Item>(
  write: (key: string, items: readonly Item[]) => Promise<void>,
): (key: string, item: Item) => Promise<void> {
  const queues = new Map<string, Waiting<Item>[]>();

  const drain = async (key: string, queue: Waiting<Item>[]): Promise<void> => {
    while (queue.length > 0) {
      const batch = queue.splice(0, BATCH_MAX);
      try {
        await write(
          key,
          batch.map((one) => one.item),
        );
        for (const { resolve } of batch) resolve();
      } catch (error) {
        if (batch.length === 1) batch[0]?.reject(error);
        else
          for (const { item, resolve, reject } of batch)
            await write(key, [item]).then(resolve, reject);
      }
    }
    queues.delete(key);
  };

  return (key, item) =>
    new Promise((resolve, reject) => {
      const waiting = { item, resolve, reject };
      const queue = queues.get(key);
      if (queue) return void queue.push(waiting);
      const started = [waiting];
      queues.set(key, started);
      void drain(key, started);
    });
}
