import { describe } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { callSuite } from '#test/contracts/store-calls.ts';
import { NOON_MS } from '#test/support/store-world.ts';
import { memoryStore } from './memory-store.ts';

describe('the store in memory', () =>
  callSuite(() => {
    const clock = virtualClock(NOON_MS);
    const store = memoryStore(clock);
    return Promise.resolve({ store, clock, another: () => Promise.resolve(store) });
  }));
