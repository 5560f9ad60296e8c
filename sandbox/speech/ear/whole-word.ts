import { compare, noLikeness } from './likeness.ts';
import { agreement, BLOCK, evidenceOf, gainOf, noiseOf, PATIENCE } from './track.ts';
import type { History } from './receiver.ts';
import type { Track } from './track.ts';

/** A word may miss so much of its start, or its end, at most (3 ms): filters smear, marks are rounded. */
export const EDGE_TOLERANCE = 24;
/** What is heard of an edge if a shorter piece of it is lost in noise: 5, 10, 15 ms. */
const EDGE_WINDOWS = [40, 80, 120];
/** Energy over noise that shows reliably whether a piece of sound is there or not. */
const TELLING = 30;
/** The part of the expected sound that has to be there: halfway between none and all, less what noise does. */
const PRESENT = 0.4;

/**
 * Whether the word at `from` … `to` of the line was received whole, as far as `to` has come, and then
 * how much speaks for it by itself (as `evidenceOf` a track); undefined when it was not.
 */
export function inspectWord(
  track: Track,
  history: History,
  word: { readonly from: number; readonly to: number },
  lineNoise: number,
): number | undefined {
  const sums = noLikeness();
  const end = Math.min(word.to, history.end);
  const start = word.from + EDGE_TOLERANCE;
  const verdict = (a: number, b: number): ReturnType<typeof agreement> =>
    agreement(track, compare(history, track.place, a, b, sums), b - a, lineNoise);

  if (verdict(start, start + BLOCK) === 'disagrees') return undefined;
  let misses = 0;
  let agreeing = 0;
  for (let n = end; n - BLOCK >= start; n -= BLOCK) {
    const block = verdict(n - BLOCK, n);
    if (block === 'agrees') agreeing += BLOCK;
    misses = block === 'disagrees' ? misses + 1 : 0;
    if (misses >= PATIENCE || (misses > 0 && n === end)) return undefined;
  }
  const length = end - start;
  const edges = [
    (window: number): readonly [number, number] => [end - window, end],
    (window: number): readonly [number, number] => [start, start + window],
  ];
  if (!edges.every((edge) => isPresent(track, history, lineNoise, length, edge))) return undefined;
  return verdict(start, end) === 'disagrees' ? undefined : evidenceOf(sums, agreeing);
}

/** Whether the clip's sound is there at the word's edge: in the smallest window that can tell. */
function isPresent(
  track: Track,
  history: History,
  lineNoise: number,
  limit: number,
  edge: (window: number) => readonly [number, number],
): boolean {
  const gain = gainOf(track.recent);
  const noise = noiseOf(track, lineNoise);
  for (const window of EDGE_WINDOWS) {
    if (window > limit) break;
    const sums = compare(history, track.place, ...edge(window), noLikeness());
    if (gain * gain * sums.clip < TELLING * noise) continue;
    return sums.cross > PRESENT * gain * sums.clip;
  }
  return true;
}
