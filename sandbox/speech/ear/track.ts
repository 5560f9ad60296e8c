import { compare, noLikeness, squaredCorrelation } from './likeness.ts';
import type { Likeness, Place } from './likeness.ts';
import type { History } from './receiver.ts';

/**
 * A guess that the line is playing a certain place of a certain clip, and all that speaks for it.
 * Sample numbers count from the start of the line.
 */
export type Track = {
  readonly place: Place;
  /** The sound agrees with the clip from here … */
  from: number;
  /** … to here; blocks of 5 ms. */
  to: number;
  state: 'alive' | 'broken' | 'over';
  /** Agreement of the last 0.3 s, softer blocks left out. */
  readonly recent: Likeness;
  recentSamples: number;
  /** Most that ever spoke for it; see `evidenceOf`. */
  evidence: number;
  /** Softest residuals of late, as power per sample: the noise this track sees. */
  readonly residuals: Float32Array;
  blocks: number;
  /** The next word of the clip to look at. */
  nextWord: number;
  /** Words received whole that were not reported yet; sample numbers of the line. */
  readonly whole: WholeWord[];
};

export type WholeWord = {
  readonly wordIndex: number;
  readonly from: number;
  readonly to: number;
};

/** 5 ms. */
export const BLOCK = 40;
/** Two blocks in a row that disagree end a track; one may be noise. */
export const PATIENCE = 2;
const MEMORY_BLOCKS = 60;
const FORGET = 1 - 1 / MEMORY_BLOCKS;
const RESIDUALS = 12;
const ENOUGH_RESIDUALS = 3;
/** Mean of the noise over the least of twelve measurements of it. */
const MINIMUM_BIAS = 1.5;
/** A block disagrees when this much of what the clip has there cannot be explained … */
const UNEXPLAINED = 0.4;
/** … after allowing so many times the noise, */
const NOISE_ALLOWANCE = 4;
/** and the coarseness of mu-law near zero (steps of 8). */
const QUANTIZATION = 16;
/** What is unexplained is noise only as far as it stays 9 dB below the speech. */
const NOISIEST = 0.12;

/** Follows `place` from the samples where it was found, back to where the agreement began. */
export function startTrack(
  history: History,
  place: Place,
  found: { readonly from: number; readonly to: number },
  lineNoise: number,
): Track {
  const track: Track = {
    place,
    from: found.from,
    to: found.to,
    state: 'alive',
    recent: compare(history, place, found.from, found.to, noLikeness()),
    recentSamples: found.to - found.from,
    evidence: 0,
    residuals: new Float32Array(RESIDUALS).fill(Infinity),
    blocks: 0,
    nextWord: 0,
    whole: [],
  };
  const oldest = Math.max(0, history.end - history.samples.length, -place.shift);
  const sums = noLikeness();
  let misses = 0;
  for (let n = found.to - BLOCK; n >= oldest && misses < PATIENCE; n -= BLOCK) {
    compare(history, place, n, n + BLOCK, sums);
    if (n >= found.from) {
      // Nothing is known of the noise yet but what these leave unexplained.
      remember(track, sums, BLOCK);
      continue;
    }
    const verdict = agreement(track, sums, BLOCK, lineNoise);
    if (verdict === 'disagrees') {
      misses++;
      continue;
    }
    misses = 0;
    track.from = n;
    remember(track, sums, BLOCK);
    if (verdict === 'agrees') accumulate(track, sums, BLOCK);
  }
  track.evidence = evidenceOf(track.recent, track.recentSamples);
  return track;
}

/** Goes on with a track as far as whole blocks have come. */
export function advance(track: Track, history: History, lineNoise: number): void {
  const sums = noLikeness();
  const clipLength = track.place.clip.clip.pcm.length;
  let misses = 0;
  let to = track.to;
  while (track.state === 'alive' && to + BLOCK <= history.end) {
    if (to + track.place.shift >= clipLength) {
      track.state = 'over';
      break;
    }
    compare(history, track.place, to, to + BLOCK, sums);
    const verdict = agreement(track, sums, BLOCK, lineNoise);
    to += BLOCK;
    if (verdict === 'disagrees') {
      if (++misses >= PATIENCE) track.state = 'broken';
      continue;
    }
    misses = 0;
    track.to = to;
    remember(track, sums, BLOCK);
    if (verdict === 'agrees') {
      accumulate(track, sums, BLOCK);
      track.evidence = Math.max(track.evidence, evidenceOf(track.recent, track.recentSamples));
    }
  }
}

/**
 * How much speaks against chance: the seconds that agree, weighed by how closely they do. Among ten
 * minutes of one voice there are places that agree with something it never said for 160 ms to
 * a tenth of the energy, for 90 ms to a fiftieth, for 30 ms to a thousandth.
 */
export function evidenceOf(sums: Likeness, samples: number): number {
  const unlike = Math.max(CLOSEST, 1 - squaredCorrelation(sums));
  return (samples / 8_000) * Math.log(1 / unlike) ** 1.5;
}

/** Closer than this no sound comes that was coded in mu-law. */
const CLOSEST = 3e-4;
/** More than chance makes: 35 ms on a clean line, 125 ms at a signal-to-noise ratio of 15 dB. */
const ENOUGH_EVIDENCE = 0.8;

/** Whether the likeness cannot be chance. Stays so while the track lasts. */
export const isConfirmed = (track: Track): boolean => track.evidence >= ENOUGH_EVIDENCE;

/** The part of the sound that the track does not explain, 0 to 1. */
export const unlikeness = (track: Track): number => 1 - squaredCorrelation(track.recent);

export const gainOf = ({ cross, clip }: Likeness): number =>
  clip > 0 ? Math.max(0, cross / clip) : 0;

/** Noise per sample as this track sees it: the line's, or what it leaves unexplained where it is soft. */
export function noiseOf(track: Track, lineNoise: number): number {
  const { recent, residuals } = track;
  let least = Infinity;
  for (const residual of residuals) least = Math.min(least, residual);
  const samples = Math.max(track.recentSamples, BLOCK);
  const gain = gainOf(recent);
  const ceiling = (NOISIEST * gain * gain * recent.clip) / samples;
  // A clip may be noisy itself; once the track has a history, what it leaves unexplained is the line's.
  const noise = track.blocks >= ENOUGH_RESIDUALS ? MINIMUM_BIAS * least : lineNoise;
  return Math.min(ceiling, noise) + QUANTIZATION;
}

/** Whether samples are as the clip has them; `soft` when they would be lost in the noise anyway. */
export function agreement(
  track: Track,
  sums: Likeness,
  samples: number,
  lineNoise: number,
): 'agrees' | 'soft' | 'disagrees' {
  const gain = gainOf(track.recent);
  const expected = gain * gain * sums.clip;
  const residual = sums.received - 2 * gain * sums.cross + expected;
  const noise = NOISE_ALLOWANCE * samples * noiseOf(track, lineNoise);
  if (residual > UNEXPLAINED * expected + noise) return 'disagrees';
  return expected > noise ? 'agrees' : 'soft';
}

function remember(track: Track, sums: Likeness, samples: number): void {
  const gain = gainOf(track.recent);
  const residual = sums.received - 2 * gain * sums.cross + gain * gain * sums.clip;
  track.residuals[track.blocks++ % RESIDUALS] = Math.max(0, residual) / samples;
}

function accumulate(track: Track, sums: Likeness, samples: number): void {
  const { recent } = track;
  recent.cross = FORGET * recent.cross + sums.cross;
  recent.clip = FORGET * recent.clip + sums.clip;
  recent.received = FORGET * recent.received + sums.received;
  track.recentSamples = FORGET * track.recentSamples + samples;
}
