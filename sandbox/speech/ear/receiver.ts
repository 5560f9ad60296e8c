import { MULAW_TO_LINEAR } from '#audio/g711.ts';
import type { EarFormat } from '../speech.ts';

/** The last seconds of a sound at 8 kHz, by absolute sample number. */
export type History = {
  readonly samples: Float32Array;
  /** Sample n lies at `samples[n & mask]`. */
  readonly mask: number;
  /** Samples so far; those from `end - samples.length` on are still there. */
  end: number;
};

/** 2.05 seconds: longer than any word, and than it takes to recognise one. */
const HISTORY_SAMPLES = 16_384;

export const createHistory = (): History => ({
  samples: new Float32Array(HISTORY_SAMPLES),
  mask: HISTORY_SAMPLES - 1,
  end: 0,
});

/** Turns a wire's bytes into 8 kHz samples of `history`; bytes may be cut anywhere. */
export type Receiver = {
  receive(audio: Uint8Array): void;
  /** Appends what waits in the filter, as if silence followed. */
  flush(): void;
  /** Samples received, at the wire's own rate. */
  readonly received: number;
};

export function createReceiver(format: EarFormat, history: History): Receiver {
  const push = (sample: number): void => {
    history.samples[history.end++ & history.mask] = sample;
  };
  if (format.encoding === 'mulaw') {
    const band = createDecimator(1, push);
    let received = 0;
    return {
      receive(audio) {
        received += audio.length;
        for (const byte of audio) band.take(MULAW_TO_LINEAR[byte] ?? 0);
      },
      flush: () => band.flush(),
      get received() {
        return received;
      },
    };
  }

  const decimator = createDecimator(format.sampleRateHz / 8_000, push);
  let received = 0;
  let odd: number | undefined;
  const take = (low: number, high: number): void => {
    received++;
    decimator.take(((high << 24) >> 16) | low);
  };
  return {
    receive(audio) {
      let at = 0;
      if (odd !== undefined && audio.length > 0) {
        take(odd, audio[at++] ?? 0);
        odd = undefined;
      }
      for (; at + 1 < audio.length; at += 2) take(audio[at] ?? 0, audio[at + 1] ?? 0);
      if (at < audio.length) odd = audio[at];
    },
    flush: () => decimator.flush(),
    get received() {
      return received;
    },
  };
}

/** Half the decimator's length, in samples of its output: what it adds in delay. */
export const RECEIVE_DELAY = 48;

/**
 * The telephone's band, where the bank's clips end: half of the sound is left here, a thousandth where
 * what lies above would come back as something else. Phone sound made of wide-band speech reaches higher.
 */
const BAND_HZ = 3_400;

/** Keeps each `ratio`-th sample of what lies in the band. Output lags; sample n is still time n. */
function createDecimator(
  ratio: number,
  push: (sample: number) => void,
): { take(sample: number): void; flush(): void } {
  const half = RECEIVE_DELAY * ratio;
  const taps = lowPassTaps(half, BAND_HZ / (8_000 * ratio));
  // Each sample stands twice, so that the filter always reads one straight piece.
  const line = new Float32Array(2 * taps.length);
  let at = 0;
  let due = half + 1;
  const take = (sample: number): void => {
    line[at] = sample;
    line[at + taps.length] = sample;
    at = (at + 1) % taps.length;
    if (--due > 0) return;
    due = ratio;
    let sum = 0;
    for (let k = 0; k < taps.length; k++) sum += (taps[k] ?? 0) * (line[at + k] ?? 0);
    push(sum);
  };
  return {
    take,
    flush() {
      for (let i = 0; i < half; i++) take(0);
    },
  };
}

/** A windowed sinc of `2 * half + 1` taps, 6 dB down at `cutoff` (a part of the sample rate). */
export function lowPassTaps(half: number, cutoff: number): Float32Array {
  const taps = new Float32Array(2 * half + 1);
  let sum = 0;
  for (let k = -half; k <= half; k++) {
    const x = 2 * Math.PI * cutoff * k;
    const blackman =
      0.42 +
      0.5 * Math.cos((Math.PI * k) / (half + 1)) +
      0.08 * Math.cos((2 * Math.PI * k) / (half + 1));
    const tap = (k === 0 ? 1 : Math.sin(x) / x) * blackman;
    taps[k + half] = tap;
    sum += tap;
  }
  return taps.map((tap) => tap / sum);
}
