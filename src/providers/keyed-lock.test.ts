import { expect, test } from 'vitest';
import { createKeyedLock } from './keyed-lock.ts';

test('work under one key runs one at a time, in order; other keys do not wait', async () => {
  const lock = createKeyedLock();
  const first = Promise.withResolvers<void>();
  const seen: string[] = [];
  const done = [
    lock.run('a', async () => {
      seen.push('a1 begins');
      await first.promise;
      seen.push('a1 ends');
    }),
    lock.run('a', async () => void seen.push('a2')),
  ];
  await lock.run('b', async () => void seen.push('b'));
  expect(seen).toEqual(['a1 begins', 'b']);
  first.resolve();
  await Promise.all(done);
  expect(seen).toEqual(['a1 begins', 'b', 'a1 ends', 'a2']);
});

test('work that fails fails for its caller alone, and nothing is kept of it', async () => {
  const lock = createKeyedLock();
  const failed = lock.run('a', () => Promise.reject(new Error('no')));
  const next = lock.run('a', async () => 'yes');
  await expect(failed).rejects.toThrow('no');
  expect(await next).toBe('yes');
  await new Promise((resolve) => setImmediate(resolve));
  expect(lock.size).toBe(0);
});
