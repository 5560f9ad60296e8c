import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clipAudio, noise, encodeAudio, silence } from '#sandbox/speech/clip-audio.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import type { EarFormat, OpenEar, SpeechClip } from '#sandbox/speech/speech.ts';
import { ALL_TURNS, CALLER_VOICE } from '../script.ts';
import { lightEars } from './light-ear.ts';

const MULAW: EarFormat = { encoding: 'mulaw', sampleRateHz: 8_000 };
const LINEAR: EarFormat = { encoding: 'linear16', sampleRateHz: 8_000 };

let bank: Awaited<ReturnType<typeof createVoiceBank>>;
let clips: readonly SpeechClip[];
let open: OpenEar;
beforeAll(async () => {
  bank = await createVoiceBank();
  clips = await Promise.all(ALL_TURNS.map(({ line }) => bank.speak(line, CALLER_VOICE)));
  open = lightEars(clips);
});
afterAll(() => bank[Symbol.asyncDispose]());

/** What an ear hears of this, given in pieces of 20 ms. */
function hear(format: EarFormat, ...parts: readonly Uint8Array[]) {
  const ear = open(format);
  const audio = Buffer.concat(parts);
  const piece = format.encoding === 'mulaw' ? 160 : 320;
  for (let at = 0; at < audio.length; at += piece) ear.write(audio.subarray(at, at + piece));
  return ear;
}
const textOf = ({ words }: { readonly words: readonly { readonly text: string }[] }): string =>
  words.map(({ text }) => text).join(' ');

describe('a light ear', () => {
  test.each([
    ['mu-law', MULAW],
    ['16 bits', LINEAR],
  ])('knows every line of the script in %s, one after the other', (_, format) => {
    const pause = silence(1_000, format);
    const ear = hear(format, ...clips.flatMap((clip) => [pause, clipAudio(clip, format)]), pause);
    expect(textOf(ear)).toBe(ALL_TURNS.map(({ line }) => line).join(' '));
  });

  test('is none for more than the telephone carries', () => {
    expect(() => open({ encoding: 'linear16', sampleRateHz: 16_000 })).toThrow('8 kHz');
  });

  test('hears a line that begins between two of its blocks, and tells where its last word ended', () => {
    for (const clip of clips) {
      const ear = hear(MULAW, silence(1_003, MULAW), clipAudio(clip, MULAW), silence(500, MULAW));
      expect(textOf(ear)).toBe(clip.text);
      const last = clip.words.at(-1)?.endMs ?? 0;
      expect(Math.abs((ear.words.at(-1)?.endMs ?? 0) - (1_003 + last))).toBeLessThanOrEqual(10);
    }
  });

  test('says nothing of a word whose end has not come', () => {
    for (const clip of clips) {
      const word = clip.words.at(-1);
      if (!word) throw new Error('a line without words');
      const cut = clipAudio(clip, MULAW).subarray(0, Math.round((word.endMs - 60) * 8));
      const ear = hear(MULAW, silence(400, MULAW), cut);
      expect(ear.words).toHaveLength(clip.words.length - 1);
    }
  });

  test('hears no words in the rest of a line that was cut off, and goes on after it', () => {
    const [first, second] = clips;
    if (!first || !second) throw new Error('the script is empty');
    const middle = first.words[2]?.endMs ?? 0;
    const cut = clipAudio(first, MULAW).subarray(0, Math.round((middle + 20) * 8));
    const ear = hear(
      MULAW,
      cut,
      silence(1_500, MULAW),
      clipAudio(second, MULAW),
      silence(500, MULAW),
    );
    const started = first.words.slice(0, 3).map(({ text }) => text);
    expect(textOf(ear)).toBe([...started, second.text].join(' '));
  });

  test('knows no words in noise, nor in speech that it was not given', async () => {
    expect(hear(MULAW, encodeAudio(noise(4_000, 2_000, 7), MULAW)).words).toEqual([]);
    const strange = await bank.speak('Zebras enjoy grassy plains in Africa.', CALLER_VOICE);
    expect(hear(MULAW, clipAudio(strange, MULAW), silence(900, MULAW)).words).toEqual([]);
  });
});
