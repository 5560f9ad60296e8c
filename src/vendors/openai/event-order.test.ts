import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEventOrder } from './event-order.ts';

const through = (numbers: readonly unknown[]): readonly unknown[] => {
  const order = createEventOrder<unknown>();
  return [...numbers.flatMap((number) => order.next(number, number)), ...order.rest()];
};

test('events in their order pass as they come', () => {
  const order = createEventOrder<string>();
  expect(order.next(4, 'a')).toEqual(['a']);
  expect(order.next(5, 'b')).toEqual(['b']);
  expect(order.rest()).toEqual([]);
});

test('one that comes too early waits for the one before it', () => {
  const order = createEventOrder<string>();
  expect(order.next(0, 'a')).toEqual(['a']);
  expect(order.next(2, 'c')).toEqual([]);
  expect(order.next(1, 'b')).toEqual(['b', 'c']);
});

test('events without a number pass at once', () => {
  expect(through([0, undefined, 1, 'x', 2])).toEqual([0, undefined, 1, 'x', 2]);
});

test('a number that never comes holds nothing up for long', () => {
  const order = createEventOrder<number>();
  order.next(0, 0);
  const told = Array.from({ length: 9 }, (_, index) => order.next(index + 2, index + 2)).flat();
  expect(told).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test('whatever the order after the first, every event is told once, and in order if none is far away', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(7), { maxLength: 40 }), (jitter) => {
      const numbers = jitter
        .map((late, index) => ({ number: index + 1, at: index + late }))
        .toSorted((left, right) => left.at - right.at || left.number - right.number)
        .map(({ number }) => number);
      expect(through([0, ...numbers])).toEqual([0, ...jitter.map((_, index) => index + 1)]);
    }),
  );
});
