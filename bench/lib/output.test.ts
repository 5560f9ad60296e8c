import { expect, test } from 'vitest';
import { budgeted, budgetTable } from './output.ts';

test('a budget is met by what is no more than it', () => {
  expect(budgeted('CPU', 4, 'ms', 4).met).toBe(true);
  expect(budgeted('CPU', 4.01, 'ms', 4).met).toBe(false);
});

test('what was not measured meets no budget, and is said to be so', () => {
  const missing = budgeted('CPU', Number.NaN, 'ms', 4);
  expect(missing).toMatchObject({ value: null, met: false });
  expect(JSON.parse(JSON.stringify(missing))).toEqual(missing);
  expect(budgetTable([missing])).toContain('| CPU  | not measured | ≤ 4 ms | missed |');
});
