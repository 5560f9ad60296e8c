import { encodeMulaw, MULAW_SILENCE, phoneBytes } from '#audio/g711.ts';
import { createRandom } from '#sandbox/lib/random.ts';
import { resample } from '#sandbox/lib/resample.ts';
import type { EarFormat, SpeechClip } from './speech.ts';

type SampleRateHz = EarFormat['sampleRateHz'];

/** The clip as bytes on a wire: mu-law is always 8 kHz, linear16 is little-endian. Cached; do not change. */
export function clipAudio(clip: SpeechClip, format: EarFormat): Buffer {
  const key = `${format.encoding} ${format.sampleRateHz}`;
  let byFormat = cache.get(clip);
  if (!byFormat) cache.set(clip, (byFormat = new Map()));
  let made = byFormat.get(key);
  if (!made) byFormat.set(key, (made = { format, audio: encodeClip(clip, format) }));
  return made.audio;
}

function encodeClip({ pcm, widePcm }: SpeechClip, format: EarFormat): Buffer {
  const { encoding, sampleRateHz } = format;
  if (!widePcm || encoding === 'mulaw' || sampleRateHz === 8_000) return encodeAudio(pcm, format);
  return pcmBytes(sampleRateHz === 16_000 ? widePcm : resample(widePcm, 16_000, sampleRateHz));
}

/** In which formats the clip has been on a wire; whoever gave it to one was asked for that format. */
export const formatsOf = (clip: SpeechClip): readonly EarFormat[] =>
  [...(cache.get(clip)?.values() ?? [])].map(({ format }) => format);

const cache = new WeakMap<
  SpeechClip,
  Map<string, { readonly format: EarFormat; readonly audio: Buffer }>
>();

export const clipMulaw = (clip: SpeechClip): Buffer =>
  clipAudio(clip, { encoding: 'mulaw', sampleRateHz: 8_000 });

export const clipPcm = (clip: SpeechClip, sampleRateHz: SampleRateHz): Buffer =>
  clipAudio(clip, { encoding: 'linear16', sampleRateHz });

/** 8 kHz samples in a format of the wire. Time stays as it is: the filters have no delay. */
export function encodeAudio(pcm: Int16Array, format: EarFormat): Buffer {
  if (format.encoding === 'mulaw') {
    if (format.sampleRateHz !== 8_000) throw new RangeError('Mu-law is sampled at 8 kHz.');
    return Buffer.from(encodeMulaw(pcm).buffer);
  }
  return pcmBytes(format.sampleRateHz === 8_000 ? pcm : resample(pcm, 8_000, format.sampleRateHz));
}

/** Samples as little-endian bytes. */
export function pcmBytes(pcm: Int16Array): Buffer {
  const bytes = Buffer.allocUnsafe(2 * pcm.length);
  for (let i = 0; i < pcm.length; i++) bytes.writeInt16LE(pcm[i] ?? 0, 2 * i);
  return bytes;
}

/** Bytes that `ms` of sound take. */
export const bytesOf = (ms: number, format: EarFormat): number =>
  format.encoding === 'mulaw' ? phoneBytes(ms) : 2 * Math.round((ms * format.sampleRateHz) / 1_000);

/** No sound. */
export const silence = (ms: number, format: EarFormat): Buffer =>
  Buffer.alloc(bytesOf(ms, format), format.encoding === 'mulaw' ? MULAW_SILENCE : 0);

/** White noise, 8 kHz, the same for the same seed. `rms` in 16-bit steps: 3,277 is 20 dB below full scale. */
export function noise(ms: number, rms: number, seed: number): Int16Array {
  const random = createRandom(seed);
  return Int16Array.from({ length: phoneBytes(ms) }, () => clamp(rms * random.gaussian()));
}

/** `pcm` on a noisy line: white noise `snrDb` below the mean level of the whole. */
export function withNoise(pcm: Int16Array, snrDb: number, seed: number): Int16Array {
  const random = createRandom(seed);
  let energy = 0;
  for (const sample of pcm) energy += sample * sample;
  const rms = Math.sqrt(energy / Math.max(1, pcm.length)) * 10 ** (-snrDb / 20);
  return pcm.map((sample) => clamp(sample + rms * random.gaussian()));
}

/** `pcm` louder by `db`, or softer where that is negative. */
export const withGain = (pcm: Int16Array, db: number): Int16Array => {
  const factor = 10 ** (db / 20);
  return pcm.map((sample) => clamp(sample * factor));
};

const clamp = (sample: number): number => Math.max(-32_768, Math.min(32_767, Math.round(sample)));
