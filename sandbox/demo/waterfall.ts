import type { Waterfall } from '#protocol/calls.ts';

const WIDTH = 46;
const FULL_SCALE_MS = 1_150;

const STAGES = [
  ['end_decided', 'end', '░'],
  ['first_token', 'token', '▒'],
  ['first_clause', 'clause', '▓'],
  ['first_audio', 'audio', '█'],
  ['played', 'heard', '■'],
] as const;

/**
 * A turn's milliseconds as one bar and its figures. Each stage's shade runs from the stage before it
 * to its own moment; with speculation a stage may lie before the end was decided.
 */
export function waterfallLine(waterfall: Waterfall): string {
  const stages = STAGES.flatMap(([key, name, shade]) => {
    const ms = waterfall[key];
    return ms === undefined ? [] : [{ name, shade, ms }];
  });
  if (stages.length === 0) return '';
  let bar = '';
  for (const { ms, shade } of stages.toSorted((left, right) => left.ms - right.ms)) {
    const until = Math.min(WIDTH, Math.round((ms / FULL_SCALE_MS) * WIDTH));
    bar = bar.padEnd(until, shade);
  }
  return `${bar.padEnd(WIDTH, '·')} ${stages.map(({ name, ms }) => `${name} ${ms}`).join(' · ')} ms`;
}
