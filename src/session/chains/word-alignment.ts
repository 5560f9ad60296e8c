import type { WordTime } from '#contracts/text-to-speech.ts';
import { FRAME_MS } from './sound-shape.ts';
import type { SoundShape } from './sound-shape.ts';

/**
 * Finds the words of a text in its sound, between two moments that are known to hold them and no
 * others. For vendors that tell no word times: letters are taken for the kind of sound they usually
 * stand for, and the division of the sound is chosen that fits the kinds and their usual lengths best
 * (dynamic programming over frames). Good to about 30 ms on average, where a share of the time by
 * letters is off by 95: see docs/decisions/0011-words-in-sound.md. Answers one time for each word; pure.
 */
export function alignWords(
  shape: Pick<SoundShape, 'levelsDb' | 'crossings'>,
  words: readonly string[],
  fromMs: number,
  untilMs: number,
): readonly WordTime[] {
  const { first, last } = soundingFrames(shape, fromMs, untilMs);
  const units = words.flatMap((word, index) => unitsOf(word, index, index === words.length - 1));
  const ends = last > first ? divide(shape, units, first, last) : units.map(() => last);
  const times: WordTime[] = [];
  let startMs = Math.max(fromMs, first * FRAME_MS);
  for (const [index, text] of words.entries()) {
    const at = units.findLastIndex(({ word, kind }) => word === index && kind !== 'pause');
    const endMs = Math.min(untilMs, Math.max(startMs, (ends[at] ?? last) * FRAME_MS));
    times.push({ text, startMs, endMs });
    startMs = endMs;
  }
  return times;
}

/** The kinds of sound that letters stand for; `any`: of a letter or digit that tells nothing. */
type Kind =
  | 'vowel'
  | 'vowels'
  | 'hiss'
  | 'affricate'
  | 'breath'
  | 'stop'
  | 'voiced'
  | 'any'
  | 'pause';
type Unit = { readonly kind: Kind; readonly word: number };

/**
 * Usual lengths, in comparison. These and the figures of `MISFIT` were fitted to synthesised English
 * of four voices; they say nothing that does not hold for people: vowels are long, a hiss is longer
 * than the closure of a stop.
 */
const LENGTH: Readonly<Record<Kind, number>> = {
  vowel: 1.42,
  vowels: 2.77,
  hiss: 0.99,
  affricate: 1.13,
  breath: 0.41,
  stop: 0.51,
  voiced: 1.72,
  any: 1.1,
  pause: 0.43,
};
/** How far below the loudest frame a voice is as good as silent. */
const RANGE_DB = 18.5;
/** The share of crossings of a clear hiss. */
const HISS_CROSSINGS = 0.5;
/** How much a length counts against the sound that it takes. */
const LENGTH_WEIGHT = 1.78;
/** Keeps lengths of next to no frames from counting without bound. */
const LENGTH_FLOOR = 0.35;
/** About -50 dBFS: above the noise of a synthesised voice. */
const QUIET_DB = 37;

/** What a frame lacks, or has too much of, to be of a kind. `loud` and `hissing` go from 0 to 1. */
const MISFIT: { readonly [K in Kind]: (loud: number, hissing: number) => number } = {
  vowel: (loud, hissing) => (1 - loud) * 1.46 + hissing * 0.35,
  vowels: (loud, hissing) => (1 - loud) * 1.46 + hissing * 0.35,
  hiss: (_loud, hissing) => (1 - hissing) * 0.67,
  affricate: (loud, hissing) => (1 - hissing) * 0.44 + loud * 0.4,
  breath: (loud) => loud * 2.14,
  stop: (loud, hissing) => loud * 1.09 + hissing * 0.56,
  voiced: (loud, hissing) => Math.abs(loud - 0.93) * 1.27 + hissing * 0.69,
  any: () => 0.4,
  pause: (loud) => loud * 19,
};
const KINDS: readonly Kind[] = [
  'vowel',
  'vowels',
  'hiss',
  'affricate',
  'breath',
  'stop',
  'voiced',
  'any',
  'pause',
];

/** Spellings whose letters do not stand for a sound each, and what stands for them here: H is "sh", J the end of "age". */
const SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [/tch|ch/g, 'J'],
  [/sch|sh/g, 'H'],
  [/th/g, 't'],
  [/ph/g, 'f'],
  [/wh/g, 'w'],
  [/ck/g, 'k'],
  [/igh/g, 'i'],
  [/gh/g, ''],
  [/qu/g, 'kw'],
  [/x/g, 'ks'],
  [/c(?=[eiy])/g, 's'],
  [/dge?|ge$/g, 'J'],
  [/g(?=es$|ing$)/g, 'J'],
  [/([a-z])\1/g, '$1'],
];
const SILENT_ENDS: readonly (readonly [RegExp, string])[] = [
  [/([^aeiou])e$/, '$1'],
  [/([^aeiou])ed$/, '$1d'],
  [/([^aeiou])es$/, '$1s'],
];
/** A digit is said as a word. */
const SOUNDS_OF_A_DIGIT = 3;

function unitsOf(text: string, word: number, isLast: boolean): readonly Unit[] {
  const plain = text
    .normalize('NFD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
  const spelled = SPELLINGS.reduce((letters, [from, to]) => letters.replace(from, to), plain);
  const said =
    spelled.length > 2
      ? SILENT_ENDS.reduce((letters, [from, to]) => letters.replace(from, to), spelled)
      : spelled;
  const kinds = (said.match(/[aeiouy]+|./gu) ?? []).flatMap((letters): readonly Kind[] =>
    /\p{N}/u.test(letters) ? Array<Kind>(SOUNDS_OF_A_DIGIT).fill('any') : [kindOf(letters)],
  );
  const sounds: readonly Kind[] = kinds.length > 0 ? kinds : ['any'];
  const pauses: readonly Kind[] = !isLast && /[.,;:!?…—–]["')\]]*$/.test(text) ? ['pause'] : [];
  return [...sounds, ...pauses].map((kind) => ({ kind, word }));
}

function kindOf(letters: string): Kind {
  if (/^[aeiouy]/.test(letters)) return letters.length > 1 ? 'vowels' : 'vowel';
  if (/[jJ]/.test(letters)) return 'affricate';
  if (/[szH]/.test(letters)) return 'hiss';
  if (letters === 'f') return 'breath';
  if (/[pbtdkgc]/.test(letters)) return 'stop';
  return /[a-z]/.test(letters) ? 'voiced' : 'any';
}

/** The frames from the first that sounds to the last. */
function soundingFrames(
  { levelsDb }: Pick<SoundShape, 'levelsDb'>,
  fromMs: number,
  untilMs: number,
): { readonly first: number; readonly last: number } {
  let first = Math.round(fromMs / FRAME_MS);
  let last = Math.min(levelsDb.length, Math.round(untilMs / FRAME_MS));
  const isQuiet = (frame: number): boolean => (levelsDb[frame] ?? 0) < QUIET_DB;
  while (first < last && isQuiet(first)) first++;
  while (last > first && isQuiet(last - 1)) last--;
  return { first, last };
}

/** The frame behind the last one of each unit. */
function divide(
  shape: Pick<SoundShape, 'levelsDb' | 'crossings'>,
  units: readonly Unit[],
  first: number,
  last: number,
): readonly number[] {
  const frames = last - first;
  const misfits = misfitSums(shape, first, last);
  const all = units.reduce((sum, { kind }) => sum + LENGTH[kind], 0);
  let costs = new Float64Array(frames + 1).fill(Infinity);
  costs[0] = 0;
  const begins: Int32Array[] = [];
  for (const { kind } of units) {
    const usual = Math.max(0.5, (LENGTH[kind] / all) * frames);
    const least = kind === 'pause' || usual < 1.2 ? 0 : 1;
    const most = kind === 'pause' ? frames : Math.ceil(usual * 2.5 + 3);
    const lengthCosts = Float64Array.from({ length: most + 1 }, (_, length) =>
      kind === 'pause' ? 0 : lengthCost(length, usual),
    );
    const sums = misfits[kind];
    const next = new Float64Array(frames + 1).fill(Infinity);
    const begin = new Int32Array(frames + 1);
    for (let from = 0; from <= frames; from++) {
      const cost = costs[from] ?? Infinity;
      if (cost === Infinity) continue;
      const base = cost - (sums[from] ?? 0);
      const upTo = Math.min(most, frames - from);
      for (let length = least; length <= upTo; length++) {
        const to = from + length;
        const total = base + (lengthCosts[length] ?? 0) + (sums[to] ?? 0);
        if (total >= (next[to] ?? Infinity)) continue;
        next[to] = total;
        begin[to] = from;
      }
    }
    costs = next;
    begins.push(begin);
  }
  return costs[frames] === Infinity ? evenly(units, all, first, frames) : path(begins, first, last);
}

const lengthCost = (length: number, usual: number): number =>
  LENGTH_WEIGHT * Math.log((length + LENGTH_FLOOR) / (usual + LENGTH_FLOOR)) ** 2;

/** Where no division is possible: more units than frames, or far too few. */
function evenly(
  units: readonly Unit[],
  all: number,
  first: number,
  frames: number,
): readonly number[] {
  let passed = 0;
  return units.map(({ kind }) => {
    passed += LENGTH[kind];
    return first + (passed / all) * frames;
  });
}

function path(begins: readonly Int32Array[], first: number, last: number): readonly number[] {
  const ends: number[] = [];
  let at = last - first;
  for (const [index, begin] of [...begins.entries()].toReversed()) {
    ends[index] = first + at;
    at = begin[at] ?? 0;
  }
  return ends;
}

/** For each kind the misfits of all frames before each frame, added up. */
function misfitSums(
  { levelsDb, crossings }: Pick<SoundShape, 'levelsDb' | 'crossings'>,
  first: number,
  last: number,
): Readonly<Record<Kind, Float64Array>> {
  const loudestDb = levelsDb.slice(first, last).reduce((most, level) => Math.max(most, level), 0);
  const zeros = (): Float64Array => new Float64Array(last - first + 1);
  const sums: Record<Kind, Float64Array> = {
    vowel: zeros(),
    vowels: zeros(),
    hiss: zeros(),
    affricate: zeros(),
    breath: zeros(),
    stop: zeros(),
    voiced: zeros(),
    any: zeros(),
    pause: zeros(),
  };
  for (let frame = first; frame < last; frame++) {
    const loud = between(((levelsDb[frame] ?? 0) - loudestDb + RANGE_DB) / RANGE_DB);
    const hissing = between((crossings[frame] ?? 0) / HISS_CROSSINGS);
    for (const kind of KINDS) {
      const of = sums[kind];
      of[frame - first + 1] = (of[frame - first] ?? 0) + MISFIT[kind](loud, hissing);
    }
  }
  return sums;
}

const between = (value: number): number => Math.max(0, Math.min(1, value));
