import { lowPassTaps } from './receiver.ts';

/**
 * Landmarks: the highest points of a sound below 1 kHz, one or two in each period of a voice. They fall
 * in the same place however the sound was coded, resampled or amplified, and what lies
 * around one, by sign alone, tells it from nearly all others.
 */

/** Half the low-pass filter: low sample n needs samples up to n + 16. */
export const LOW_HALF = 16;
const LOW_TAPS = lowPassTaps(LOW_HALF, 900 / 8_000);

/** A landmark is the highest within this many samples (2.5 ms) on either side. */
const PEAK_RADIUS = 20;
/** How much of the low band around a landmark describes it: 4.5 ms before to 12 ms after. */
export const BEFORE = 36;
export const AFTER = 96;
const OFFSETS = [
  -36, -30, -24, -18, -12, -7, 7, 12, 18, 24, 30, 36, 42, 48, 54, 60, 66, 72, 78, 84, 90, 96,
];
/** How many of the least certain bits a search tries both ways. */
const UNCERTAIN_BITS = 3;

/** The low band of `samples[from & mask]` … up to `to`, into `low` at the same places. */
export function lowBand(
  samples: Float32Array,
  low: Float32Array,
  mask: number,
  from: number,
  to: number,
): void {
  for (let n = from; n < to; n++) {
    let sum = (LOW_TAPS[LOW_HALF] ?? 0) * (samples[n & mask] ?? 0);
    for (let k = 1; k <= LOW_HALF; k++)
      sum +=
        (LOW_TAPS[LOW_HALF + k] ?? 0) *
        ((samples[(n - k) & mask] ?? 0) + (samples[(n + k) & mask] ?? 0));
    low[n & mask] = sum;
  }
}

/** Whether `n` is a landmark higher than `floor`. Reads 2.5 ms on either side. */
export function isLandmark(low: Float32Array, mask: number, n: number, floor: number): boolean {
  const peak = low[n & mask] ?? 0;
  if (peak < floor) return false;
  for (let k = 1; k <= PEAK_RADIUS; k++)
    if ((low[(n - k) & mask] ?? 0) > peak || (low[(n + k) & mask] ?? 0) >= peak) return false;
  return true;
}

/** 22 bits: the signs of the low band around a landmark. */
export function describe(low: Float32Array, mask: number, n: number): number {
  let bits = 0;
  for (let i = 0; i < OFFSETS.length; i++)
    if ((low[(n + (OFFSETS[i] ?? 0)) & mask] ?? 0) > 0) bits |= 1 << i;
  return bits;
}

/** The same, and what it could have been but for noise: every way to read the faintest bits. */
export function describeLoosely(low: Float32Array, mask: number, n: number): readonly number[] {
  const bits = describe(low, mask, n);
  const faintest = OFFSETS.map((offset, i) => ({
    i,
    size: Math.abs(low[(n + offset) & mask] ?? 0),
  }))
    .toSorted((a, b) => a.size - b.size)
    .slice(0, UNCERTAIN_BITS);
  let all = [bits];
  for (const { i } of faintest) all = [...all, ...all.map((one) => one ^ (1 << i))];
  return all;
}
