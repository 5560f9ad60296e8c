import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { bytesOfSamples, PHONE_AUDIO } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';
import { decodeMulaw } from '#audio/g711.ts';
import { loadResampler } from '#audio/resample.ts';
import type { WordTime } from '#contracts/text-to-speech.ts';
import type { PreparedSpeech } from '#conversation/state.ts';

/** Speech that is shipped with the server, for when nobody else can speak. */
export type PreparedClip = {
  readonly text: string;
  /** In the format that was asked for. */
  readonly audio: Uint8Array;
  readonly words: readonly WordTime[];
};

const clipSchema = z.object({
  text: z.string(),
  words: z.array(z.object({ text: z.string(), startMs: z.number(), endMs: z.number() })),
  /** Base64. */
  mulaw: z.base64(),
});

const load = (name: PreparedSpeech): PreparedClip => {
  const file = new URL(`./prepared-speech/${name}.json`, import.meta.url);
  const { text, words, mulaw } = clipSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  return { text, words, audio: new Uint8Array(Buffer.from(mulaw, 'base64')) };
};

/** Read with the module, so that a missing file stops the start and not a call. */
const clips: Readonly<Record<PreparedSpeech, PreparedClip>> = {
  apology: load('apology'),
  goodbye: load('goodbye'),
};
/** Loaded with the module, so that whoever has to apologise need not wait for it. */
const openResampler = await loadResampler();
/** By name and rate: what is not mu-law is linear. */
const converted = new Map<string, PreparedClip>();

/** It is made for telephones: on a line that carries more it sounds like one. */
export function preparedSpeech(
  name: PreparedSpeech,
  format: AudioFormat = PHONE_AUDIO,
): PreparedClip {
  const clip = clips[name];
  if (format.encoding === 'mulaw') return clip;
  const key = `${name} ${format.sampleRateHz}`;
  const known = converted.get(key);
  if (known) return known;
  const resampler = openResampler(PHONE_AUDIO.sampleRateHz, format.sampleRateHz);
  const parts = [resampler.push(decodeMulaw(clip.audio)), resampler.end()];
  resampler.close();
  const audio = new Uint8Array(Buffer.concat(parts.map((pcm) => bytesOfSamples(pcm))));
  const made = { ...clip, audio };
  converted.set(key, made);
  return made;
}
