import { PADDING } from './bank-index.ts';
import type { IndexedClip } from './bank-index.ts';
import type { History } from './receiver.ts';

/** Where in a clip a received sound lies: sample n of the sound is sample `n + shift + phase` of the clip. */
export type Place = {
  readonly clip: IndexedClip;
  readonly shift: number;
  /** Part of a sample, in sixteenths: -8 to 8. Not 0 when the sound was resampled on its way. */
  readonly phase: number;
};

/** Sums over some samples: received × clip, clip × clip, received × received. */
export type Likeness = { cross: number; clip: number; received: number };

export const PHASES = 16;
const REACH = 8;

/** Fractional delays: row p interpolates a clip p/16 of a sample later, for p from -8 to 8. */
const INTERPOLATORS = Array.from({ length: PHASES + 1 }, (_, row) => {
  const fraction = (row - PHASES / 2) / PHASES;
  const taps = new Float32Array(2 * REACH);
  for (let k = 0; k < taps.length; k++) {
    const x = k - (REACH - 1) - fraction;
    const window = 0.5 + 0.5 * Math.cos((Math.PI * x) / (REACH + 0.5));
    taps[k] = x === 0 ? 1 : (Math.sin(Math.PI * x) / (Math.PI * x)) * window;
  }
  return taps;
});

function interpolator(phase: number): Float32Array {
  const taps = INTERPOLATORS[phase + PHASES / 2];
  if (!taps) throw new RangeError(`a phase of ${phase}`);
  return taps;
}

/** Compares the received samples `from` … `to` with the clip. Outside of the clip there is silence. */
export function compare(
  history: History,
  place: Place,
  from: number,
  to: number,
  into: Likeness,
): Likeness {
  const { samples, mask } = history;
  const clipSamples = place.clip.samples;
  const offset = place.shift + PADDING;
  const first = Math.max(from, REACH - offset);
  const last = Math.min(to, clipSamples.length - REACH - offset);
  let cross = 0;
  let clip = 0;
  let received = 0;
  if (place.phase === 0) {
    for (let n = first; n < last; n++) {
      const r = samples[n & mask] ?? 0;
      const c = clipSamples[n + offset] ?? 0;
      cross += r * c;
      clip += c * c;
      received += r * r;
    }
  } else {
    const taps = interpolator(place.phase);
    for (let n = first; n < last; n++) {
      const r = samples[n & mask] ?? 0;
      let c = 0;
      const base = n + offset - (REACH - 1);
      for (let k = 0; k < 2 * REACH; k++) c += (taps[k] ?? 0) * (clipSamples[base + k] ?? 0);
      cross += r * c;
      clip += c * c;
      received += r * r;
    }
  }
  for (let n = from; n < Math.min(to, first); n++) received += (samples[n & mask] ?? 0) ** 2;
  for (let n = Math.max(from, last); n < to; n++) received += (samples[n & mask] ?? 0) ** 2;
  into.cross = cross;
  into.clip = clip;
  into.received = received;
  return into;
}

export const noLikeness = (): Likeness => ({ cross: 0, clip: 0, received: 0 });

/** Squared correlation, 0 to 1; 0 where the sounds run opposite. */
export const squaredCorrelation = ({ cross, clip, received }: Likeness): number =>
  cross <= 0 || clip <= 0 || received <= 0 ? 0 : (cross * cross) / (clip * received);

/** Furthest a landmark strays from its place in the clip, in samples. */
const STRAY = 2;
/** Good enough not to look for a better fraction of a sample. */
const EXACT = 0.998;
/** What a fraction of a sample has to leave of what whole samples leave unexplained. */
const HALVED = 0.6;
/** Less than this at the best whole sample is not worth looking for a fraction. */
const HOPELESS = 0.5;

/** The place near `guess` where `from` … `to` fits best, to a sixteenth of a sample, and how well it fits. */
export function locate(
  history: History,
  guess: Place,
  from: number,
  to: number,
): { readonly place: Place; readonly fit: number } {
  const { clip } = guess;
  const sums = noLikeness();
  const fitAt = (shift: number, phase: number): number =>
    squaredCorrelation(compare(history, { clip, shift, phase }, from, to, sums));

  let shift = guess.shift;
  let fit = fitAt(shift, 0);
  for (let stray = 1; stray <= STRAY && fit < EXACT; stray++)
    for (const sign of [-1, 1]) {
      const other = fitAt(guess.shift + sign * stray, 0);
      if (other > fit) {
        fit = other;
        shift = guess.shift + sign * stray;
      }
    }
  if (fit >= EXACT || fit < HOPELESS) return { place: { clip, shift, phase: 0 }, fit };

  // From the parabola through three neighbours it is a short way uphill.
  const before = fitAt(shift - 1, 0);
  const after = fitAt(shift + 1, 0);
  const bend = before - 2 * fit + after;
  const top = bend < 0 ? Math.round(((before - after) / (2 * bend)) * PHASES) : 0;
  let phase = Math.max(-PHASES / 2, Math.min(PHASES / 2, top));
  let best = phase === 0 ? fit : fitAt(shift, phase);
  for (const step of [-1, 1])
    while (Math.abs(phase + step) <= PHASES / 2) {
      const next = fitAt(shift, phase + step);
      if (next <= best) break;
      best = next;
      phase += step;
    }
  // Most sound comes in the clip's own samples: noise must not make it look as if it did not.
  return 1 - best < HALVED * (1 - fit)
    ? { place: { clip, shift, phase }, fit: best }
    : { place: { clip, shift, phase: 0 }, fit };
}
