import { PADDING } from './bank-index.ts';
import { AFTER, BEFORE, describeLoosely, isLandmark, LOW_HALF, lowBand } from './landmarks.ts';
import { locate } from './likeness.ts';
import { advance, isConfirmed, startTrack } from './track.ts';
import type { BankIndex, IndexedClip } from './bank-index.ts';
import type { Place } from './likeness.ts';
import type { History } from './receiver.ts';
import type { SoundMeter } from './sound.ts';
import type { Track } from './track.ts';

/** Looks for places in the bank's clips that sound like what is on the line. */
export type Finder = {
  /** Adds tracks for what is new on the line, unless one explains it well already. */
  find(tracks: readonly Track[]): Track[];
};

/** Landmarks lower than this are left alone, whatever the noise: 57 dB below full scale. */
const LANDMARK_FLOOR = 45;
/** Squared correlation of the low band that makes a place worth a closer look, */
const LOW_LIKENESS = 0.9;
/** and that of the whole band that makes it a track. */
const LIKENESS = 0.75;
/** Most places that are looked at closely for one landmark. */
const GUESSES = 6;
const MOST_TRACKS = 12;
/** What lies after a landmark's surroundings is taken along so far, if it has come. */
const BEYOND = 64;
/** After so much agreement (150 ms) the others that begin the same have been found, too. */
const SETTLED_SAMPLES = 1_200;

export function createFinder(history: History, index: BankIndex, meter: SoundMeter): Finder {
  const { samples, mask } = history;
  const low = new Float32Array(samples.length);
  let lowEnd = 0;
  let scanned = 0;

  const floorNow = (): number => Math.max(LANDMARK_FLOOR, 2 * Math.sqrt(meter.noise));

  /** Computes the low band as far as it goes, but not where all is softer than a landmark. */
  const extendLow = (): void => {
    const to = history.end - LOW_HALF;
    const from = Math.max(lowEnd, scanned - BEFORE, history.end - samples.length + LOW_HALF);
    if (to <= from) return;
    let loudest = 0;
    for (let n = from - LOW_HALF; n < history.end; n++)
      loudest = Math.max(loudest, Math.abs(samples[n & mask] ?? 0));
    if (loudest < LANDMARK_FLOOR) for (let n = from; n < to; n++) low[n & mask] = 0;
    else lowBand(samples, low, mask, from, to);
    lowEnd = to;
  };

  const lowLikeness = (clip: IndexedClip, at: number, n: number): number => {
    let cross = 0;
    let own = 0;
    let clips = 0;
    for (let k = -BEFORE; k < AFTER; k++) {
      const r = low[(n + k) & mask] ?? 0;
      const c = clip.low[at + PADDING + k] ?? 0;
      cross += r * c;
      own += r * r;
      clips += c * c;
    }
    return cross <= 0 ? 0 : (cross * cross) / (own * clips);
  };

  /** The places that are most like the surroundings of a landmark in the low band. */
  const guessesAt = (n: number, known: readonly Track[]): readonly Guess[] => {
    const guesses: Guess[] = [];
    for (const bits of describeLoosely(low, mask, n))
      index.find(bits, (clip, at) => {
        const likeness = lowLikeness(clip, at, n);
        const worst = guesses.at(-1);
        if (likeness < LOW_LIKENESS) return;
        if (worst && guesses.length >= GUESSES && likeness <= worst.likeness) return;
        const place = { clip, shift: at - n, phase: 0 };
        if (known.some((track) => isSame(track.place, place))) return;
        if (guesses.length >= GUESSES) guesses.pop();
        guesses.push({ place, likeness });
        guesses.sort((a, b) => b.likeness - a.likeness);
      });
    return guesses;
  };

  const tracksAt = (n: number, known: readonly Track[]): readonly Track[] => {
    const found = { from: n - BEFORE, to: Math.min(history.end, n + AFTER + BEYOND) };
    const tracks: Track[] = [];
    for (const guess of guessesAt(n, known)) {
      const { place, fit } = locate(history, guess.place, found.from, found.to);
      if (fit < LIKENESS || [...known, ...tracks].some((track) => isSame(track.place, place)))
        continue;
      const track = startTrack(history, place, found, meter.noise);
      advance(track, history, meter.noise);
      tracks.push(track);
    }
    return tracks;
  };

  return {
    find(known) {
      const settled = known.find(
        (track) =>
          track.state === 'alive' && isConfirmed(track) && track.to - track.from >= SETTLED_SAMPLES,
      );
      if (settled) {
        scanned = Math.max(scanned, settled.to - AFTER);
        return [...known];
      }
      scanned = Math.max(scanned, history.end - samples.length + BEFORE + LOW_HALF);
      extendLow();
      let tracks = [...known];
      for (; scanned + AFTER < lowEnd; scanned++) {
        if (!isLandmark(low, mask, scanned, floorNow())) continue;
        tracks.push(
          ...tracksAt(
            scanned,
            tracks.filter(({ to }) => to + AFTER > scanned),
          ),
        );
        if (tracks.length > MOST_TRACKS)
          tracks = tracks.toSorted((a, b) => b.evidence - a.evidence).slice(0, MOST_TRACKS);
      }
      return tracks;
    },
  };
}

type Guess = { readonly place: Place; readonly likeness: number };

const isSame = (a: Place, b: Place): boolean =>
  a.clip === b.clip && Math.abs(a.shift - b.shift) <= 3;
