import { expect, test } from 'vitest';
import { distributionOf, quantile, spreadOf } from './statistics.ts';

test('a quantile is a value that was measured', () => {
  const values = [1, 2, 3, 4];
  expect([0, 0.25, 0.5, 0.51, 0.95, 1].map((share) => quantile(values, share))).toEqual([
    1, 1, 2, 3, 4, 4,
  ]);
});

test('a distribution does not depend on the order of its values', () => {
  const values = Array.from({ length: 200 }, (_, index) => (index * 77) % 200);
  expect(distributionOf(values)).toEqual({ count: 200, p50: 99, p95: 189, p99: 197, max: 199 });
});

test('nothing measured is not a number, never zero', () => {
  expect(distributionOf([]).p95).toBeNaN();
  expect(spreadOf([]).median).toBeNaN();
});

test('a run without a figure does not count among the others', () => {
  expect(spreadOf([3, Number.NaN, 1])).toEqual({ median: 2, min: 1, max: 3 });
});
