/** Things to come, by their moment; of one moment, by their order. */
export type Queue<Item> = {
  add(atMs: number, order: number, item: Item): void;
  take(): Queued<Item> | undefined;
  remove(isGone: (item: Item) => boolean): void;
  some(is: (item: Item) => boolean): boolean;
};

export type Queued<Item> = { readonly atMs: number; readonly order: number; readonly item: Item };

export function createQueue<Item>(): Queue<Item> {
  let queued: Queued<Item>[] = [];
  return {
    add(atMs, order, item) {
      // Most things are added in order: the place is near the end.
      let place = queued.length;
      while (place > 0) {
        const before = queued[place - 1];
        if (!before || before.atMs < atMs || (before.atMs === atMs && before.order <= order)) break;
        place -= 1;
      }
      queued.splice(place, 0, { atMs, order, item });
    },
    take: () => queued.shift(),
    remove(isGone) {
      queued = queued.filter(({ item }) => !isGone(item));
    },
    some: (is) => queued.some(({ item }) => is(item)),
  };
}
