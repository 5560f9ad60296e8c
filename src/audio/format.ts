import { MULAW_SILENCE, MULAW_TO_LINEAR } from './g711.ts';

/** How the sound of a line is written down; mono always. */
export type AudioFormat =
  /** G.711 mu-law, a byte for each sample: the telephone's. */
  | { readonly encoding: 'mulaw'; readonly sampleRateHz: 8_000 }
  /** Linear PCM of 16 bits, little-endian. */
  | { readonly encoding: 'linear16'; readonly sampleRateHz: 16_000 | 24_000 };

/** Both directions of a line. */
export type LineAudio = {
  /** What comes from the caller. */
  readonly heard: AudioFormat;
  /** What goes to the caller. */
  readonly spoken: AudioFormat;
};

export const PHONE_AUDIO: AudioFormat = { encoding: 'mulaw', sampleRateHz: 8_000 };
export const PHONE_LINE: LineAudio = { heard: PHONE_AUDIO, spoken: PHONE_AUDIO };

/** What recognisers are trained on, and what voices are made in. */
export const WIDE_LINE = {
  heard: { encoding: 'linear16', sampleRateHz: 16_000 },
  spoken: { encoding: 'linear16', sampleRateHz: 24_000 },
} as const satisfies LineAudio;

/** About -35 dBFS: above the noise of a line, below anybody who speaks. */
export const LOUD_AMPLITUDE = 600;

export const bytesPerSample = ({ encoding }: AudioFormat): 1 | 2 => (encoding === 'mulaw' ? 1 : 2);

/** How long `bytes` of sound last. */
export const msOf = (bytes: number, format: AudioFormat): number =>
  (bytes * 1_000) / (format.sampleRateHz * bytesPerSample(format));

/** How many bytes of sound last `ms`, to the nearest sample. */
export const bytesOf = (ms: number, format: AudioFormat): number =>
  Math.round((ms * format.sampleRateHz) / 1_000) * bytesPerSample(format);

export const silenceOf = (ms: number, format: AudioFormat): Uint8Array =>
  new Uint8Array(bytesOf(ms, format)).fill(format.encoding === 'mulaw' ? MULAW_SILENCE : 0);

/** The sample that begins at byte `at`, as 16-bit linear. */
export const sampleAt = (audio: Uint8Array, at: number, { encoding }: AudioFormat): number =>
  encoding === 'mulaw'
    ? (MULAW_TO_LINEAR[audio[at] ?? MULAW_SILENCE] ?? 0)
    : (((audio[at + 1] ?? 0) << 24) >> 16) | (audio[at] ?? 0);

/** Whether a sample is loud; one in `lookEvery` is looked at. */
export function isLoud(audio: Uint8Array, format: AudioFormat, lookEvery = 1): boolean {
  const step = lookEvery * bytesPerSample(format);
  for (let at = 0; at < audio.length; at += step)
    if (Math.abs(sampleAt(audio, at, format)) >= LOUD_AMPLITUDE) return true;
  return false;
}

/** Little-endian bytes → 16-bit samples; half a sample at the end is left out. */
export function samplesOf(pcm: Uint8Array): Int16Array {
  // Into a buffer of its own: a view of 16-bit numbers cannot begin at an odd byte.
  const samples = new Int16Array(pcm.length >> 1);
  new Uint8Array(samples.buffer).set(pcm.subarray(0, 2 * samples.length));
  return samples;
}

/** 16-bit samples as bytes of the same memory, little-endian as every machine that Node runs on. */
export const bytesOfSamples = (pcm: Int16Array): Uint8Array =>
  new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);
