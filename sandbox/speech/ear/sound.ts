import type { History } from './receiver.ts';

/** Where there is sound on the line, and how loud the line is without. */
export type SoundMeter = {
  /** Measures all whole blocks that are new in the history. */
  measure(): void;
  /** Mean square of a sample of the line's noise; 0 while unknown. */
  readonly noise: number;
  /** Sample numbers; undefined before the first sound. */
  readonly since: number | undefined;
  readonly until: number | undefined;
};

/** 5 ms. */
const BLOCK = 40;
/** A pause shorter than this (200 ms) does not end a sound. */
const JOIN = 1_600;
/** Softer than this (55 dB below full scale) is no sound on any line. */
const SOUND_FLOOR = 60 ** 2;
/** A sound is at least 8 dB above the noise. */
const ABOVE_NOISE = 6;
/** Noise is the softest 20 ms of the last 0.8 to 1.6 s: every speaker takes that much of a breath. */
const MINIMUM_BLOCKS = 160;
/** Until this many blocks (300 ms) have come, even the softest may be speech. */
const FIRST_BLOCKS = 60;
/** The softest of many measurements lies below their mean. */
const MINIMUM_BIAS = 1.3;
/** Louder than this (-24 dB of full scale) is not taken for noise. */
const NOISE_CEILING = 2_000 ** 2;

export function createSoundMeter(history: History): SoundMeter {
  let at = 0;
  let blocks = 0;
  let smooth = 0;
  let softest = Infinity;
  let softestBefore = Infinity;
  let noise = 0;
  let since: number | undefined;
  let until: number | undefined;

  return {
    measure() {
      const { samples, mask } = history;
      for (; at + BLOCK <= history.end; at += BLOCK) {
        let energy = 0;
        for (let n = at; n < at + BLOCK; n++) energy += (samples[n & mask] ?? 0) ** 2;
        const power = energy / BLOCK;

        blocks++;
        smooth = blocks === 1 ? power : 0.75 * smooth + 0.25 * power;
        softest = Math.min(softest, smooth);
        if (blocks % MINIMUM_BLOCKS === 0) {
          softestBefore = softest;
          softest = Infinity;
        }
        if (blocks >= FIRST_BLOCKS)
          noise = Math.min(NOISE_CEILING, MINIMUM_BIAS * Math.min(softest, softestBefore));

        if (power < Math.max(SOUND_FLOOR, ABOVE_NOISE * noise)) continue;
        if (since === undefined || until === undefined || at - until >= JOIN) since = at;
        until = at + BLOCK;
      }
    },
    get noise() {
      return noise;
    },
    get since() {
      return since;
    },
    get until() {
      return until;
    },
  };
}
