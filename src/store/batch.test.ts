import { expect, test } from 'vitest';
import { createBatches } from './batch.ts';

/** A batcher whose writes are answered by the test. */
function batcher() {
  const writes: { key: string; items: readonly number[]; end: (error?: Error) => void }[] = [];
  const add = createBatches<number>(
    (key, items) =>
      new Promise((resolve, reject) => {
        writes.push({ key, items, end: (error) => (error ? reject(error) : resolve()) });
      }),
  );
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { writes, add, settled };
}

test('a lone item is written at once, and what comes meanwhile together, in order', async () => {
  const { writes, add, settled } = batcher();
  const done: number[] = [];
  const all = [1, 2, 3, 4].map((n) => add('t', n).then(() => done.push(n)));
  expect(writes.map((write) => write.items)).toEqual([[1]]);
  writes[0]?.end();
  await settled();
  expect(done).toEqual([1]);
  expect(writes.map((write) => write.items)).toEqual([[1], [2, 3, 4]]);
  writes[1]?.end();
  await Promise.all(all);
  void add('t', 5);
  expect(writes.at(-1)?.items).toEqual([5]);
});

test('one tenant does not wait for another', () => {
  const { writes, add } = batcher();
  for (const key of ['a', 'b', 'a']) void add(key, 1);
  expect(writes.map((write) => write.key)).toEqual(['a', 'b']);
});

test('an item fails for itself alone', async () => {
  const { writes, add, settled } = batcher();
  const all = Promise.allSettled([1, 2, 3].map((n) => add('t', n)));
  for (const failure of [undefined, new Error('batch'), new Error('two'), undefined]) {
    writes.at(-1)?.end(failure);
    await settled();
  }
  expect(writes.map((write) => write.items)).toEqual([[1], [2, 3], [2], [3]]);
  expect(await all).toMatchObject([
    { status: 'fulfilled' },
    { status: 'rejected', reason: { message: 'two' } },
    { status: 'fulfilled' },
  ]);
});
