import { cpus, totalmem } from 'node:os';
import { rounded } from './statistics.ts';

/** A figure beside what it is to be. */
export type Budgeted = {
  readonly name: string;
  /** Null: nothing was measured. */
  readonly value: number | null;
  readonly unit: string;
  readonly budget: number;
  readonly met: boolean;
};

/** Lower is better; what was not measured does not meet its budget. */
export const budgeted = (name: string, value: number, unit: string, budget: number): Budgeted => ({
  name,
  value: Number.isNaN(value) ? null : rounded(value, 2),
  unit,
  budget,
  met: value <= budget,
});

/** What the figures were taken on. */
export const machineNow = (): string => {
  const [cpu] = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${gib} GB, Node ${process.versions.node}`;
};

/** Lines up columns; the first row is the head. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths?.[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  const rule = `|${widths?.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [line(head), rule, ...body.map(line)].join('\n');
}

export const budgetTable = (budgets: readonly Budgeted[]): string =>
  table([
    ['what', 'measured', 'budget', ''],
    ...budgets.map(({ name, value, unit, budget, met }) => [
      name,
      value === null ? 'not measured' : `${value} ${unit}`,
      `≤ ${budget} ${unit}`,
      met ? 'met' : 'missed',
    ]),
  ]);

/** Progress, for people. */
export const say = (text: string): void => void process.stderr.write(`${text}\n`);
export const print = (text: string): void => void process.stdout.write(`${text}\n`);
