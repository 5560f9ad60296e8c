import { PHONE_AUDIO, WIDE_LINE } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';
import type { WordTime } from '#contracts/text-to-speech.ts';
import { clipAudio, silence } from '#sandbox/speech/clip-audio.ts';
import { openEar } from '#sandbox/speech/ear.ts';
import type { VoiceBank } from '#sandbox/speech/speech.ts';

/** What every recogniser must hear. */
export const HEARD_FORMATS = [
  ['telephone sound', PHONE_AUDIO],
  ['wide-band sound', WIDE_LINE.heard],
] as const satisfies readonly (readonly [string, AudioFormat])[];

/** What every voice must speak. */
export const SPOKEN_FORMATS = [
  ['telephone sound', PHONE_AUDIO],
  ['wide-band sound', WIDE_LINE.spoken],
] as const satisfies readonly (readonly [string, AudioFormat])[];

/** Somebody who says `text`, with 300 ms of silence before it and 2 s behind it. */
export async function saidInSilence(
  bank: VoiceBank,
  text: string,
  format: AudioFormat,
): Promise<Uint8Array> {
  const clip = await bank.speak(text, 'slt');
  return Buffer.concat([silence(300, format), clipAudio(clip, format), silence(2_000, format)]);
}

/** The words in a sound, by the ear of the sandbox. */
export function wordsIn(
  bank: VoiceBank,
  audio: Uint8Array,
  format: AudioFormat,
): readonly WordTime[] {
  const ear = openEar(bank)(format);
  ear.write(audio);
  ear.write(silence(250, format));
  return ear.words;
}
