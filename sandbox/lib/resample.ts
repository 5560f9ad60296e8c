/**
 * Changes the sample rate by a windowed sinc, at least 60 dB down where it would alias, and without
 * delay: sample 0 stays at time 0. `cutoffHz` is where it is 6 dB down; 250 Hz lower it is flat
 * (between 8 kHz and more: flat to 3.4 kHz).
 */
export function resample(
  pcm: Int16Array,
  fromHz: number,
  toHz: number,
  cutoffHz: number = CUTOFF * Math.min(fromHz, toHz),
): Int16Array {
  const length = Math.round((pcm.length * toHz) / fromHz);
  const out = new Int16Array(length);
  const filter = lowPass(fromHz, toHz, cutoffHz / fromHz);
  for (let i = 0; i < length; i++) {
    // Position in the input, exactly: `phase / toHz` of a sample past `base`.
    const base = Math.floor((i * fromHz) / toHz);
    const phase = i * fromHz - base * toHz;
    const taps = filter(phase);
    let sum = 0;
    for (let k = 0; k < taps.length; k++) {
      const at = base + k - (taps.length / 2 - 1);
      if (at >= 0 && at < pcm.length) sum += (pcm[at] ?? 0) * (taps[k] ?? 0);
    }
    out[i] = Math.max(-32_768, Math.min(32_767, Math.round(sum)));
  }
  return out;
}

/** Where the filter is 6 dB down if nothing else is asked for, as a part of the lower rate. */
const CUTOFF = 0.4625;
/** Zero crossings of the sinc on either side. */
const CROSSINGS = 40;
const KAISER_BETA = 6.5;

/** Filter taps for a point `phase / toHz` input samples after a sample, cached by phase. */
function lowPass(fromHz: number, toHz: number, cutoff: number): (phase: number) => Float64Array {
  const half = Math.ceil(CROSSINGS / (2 * cutoff));
  const cache = new Map<number, Float64Array>();
  return (phase) => {
    const cached = cache.get(phase);
    if (cached) return cached;
    const taps = new Float64Array(2 * half);
    let sum = 0;
    for (let k = 0; k < taps.length; k++) {
      const x = k - (half - 1) - phase / toHz;
      taps[k] = sinc(2 * cutoff * x) * kaiser(x / half);
      sum += taps[k] ?? 0;
    }
    for (let k = 0; k < taps.length; k++) taps[k] = (taps[k] ?? 0) / sum;
    cache.set(phase, taps);
    return taps;
  };
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

const kaiser = (x: number): number =>
  Math.abs(x) >= 1 ? 0 : bessel0(KAISER_BETA * Math.sqrt(1 - x * x)) / bessel0(KAISER_BETA);

/** Modified Bessel function of the first kind, order 0. */
function bessel0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
