import { AFTER, BEFORE, describe, isLandmark, LOW_HALF, lowBand } from './landmarks.ts';
import type { SpeechClip, VoiceBank } from '../speech.ts';

/** A clip as an ear compares with it. */
export type IndexedClip = {
  readonly clip: SpeechClip;
  /** The clip, with `PADDING` samples of silence before and after it. */
  readonly samples: Float32Array;
  readonly low: Float32Array;
};

/** Finds landmarks of all clips of a bank by their description. Grows with the bank. */
export type BankIndex = {
  /** Indexes the clips that are new in the bank. */
  refresh(): void;
  /** Calls `visit` for each landmark described by `bits`. `at` counts from the clip's first sample. */
  find(bits: number, visit: (clip: IndexedClip, at: number) => void): void;
};

/** Silence around each clip's samples, so that whatever looks around a landmark stays inside. */
export const PADDING = 256;

/** Landmarks lower than this are not worth finding: 27 dB below the speech's level. */
const LANDMARK_FLOOR = 150;

const BUCKETS = 1 << 16;
const NONE = -1;

const bucketOf = (bits: number): number => (Math.imul(bits, 0x9e37_79b1) >>> 16) & (BUCKETS - 1);

/** One index for all ears of a bank. */
export function indexOf(bank: VoiceBank): BankIndex {
  let index = indexes.get(bank);
  if (!index) indexes.set(bank, (index = createBankIndex(bank)));
  return index;
}

const indexes = new WeakMap<VoiceBank, BankIndex>();

function createBankIndex(bank: VoiceBank): BankIndex {
  const clips: IndexedClip[] = [];
  const heads = new Int32Array(BUCKETS).fill(NONE);
  // One row per landmark: bits, clip, place in the clip, next row of the bucket.
  let rows = new Int32Array(4 * 4_096);
  let count = 0;

  const add = (bits: number, clip: number, at: number): void => {
    if (4 * count === rows.length) {
      const larger = new Int32Array(2 * rows.length);
      larger.set(rows);
      rows = larger;
    }
    const bucket = bucketOf(bits);
    rows.set([bits, clip, at, heads[bucket] ?? 0], 4 * count);
    heads[bucket] = count++;
  };

  return {
    refresh() {
      if (clips.length === bank.clips.length) return;
      for (const clip of bank.clips.slice(clips.length)) {
        const c = clips.length;
        const indexed = prepare(clip);
        clips.push(indexed);
        const { low } = indexed;
        for (let n = PADDING - BEFORE; n < low.length - AFTER - 1; n++)
          if (isLandmark(low, WHOLE, n, LANDMARK_FLOOR))
            add(describe(low, WHOLE, n), c, n - PADDING);
      }
    },
    find(bits, visit) {
      for (let row = heads[bucketOf(bits)] ?? 0; row !== NONE; row = rows[4 * row + 3] ?? 0)
        if (rows[4 * row] === bits) {
          const clip = clips[rows[4 * row + 1] ?? 0];
          if (clip) visit(clip, rows[4 * row + 2] ?? 0);
        }
    },
  };
}

/** A mask for arrays that are not rings. */
const WHOLE = 0x7fff_ffff;

function prepare(clip: SpeechClip): IndexedClip {
  const samples = new Float32Array(clip.pcm.length + 2 * PADDING);
  samples.set(clip.pcm, PADDING);
  const low = new Float32Array(samples.length);
  lowBand(samples, low, WHOLE, LOW_HALF, samples.length - LOW_HALF);
  return { clip, samples, low };
}
