import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PHONE_AUDIO, WIDE_LINE } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';
import { encodeMulaw, phoneBytes } from '#audio/g711.ts';
import { clipAudio } from '#sandbox/speech/clip-audio.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import type { SpeechClip, VoiceBank } from '#sandbox/speech/speech.ts';
import { createSoundShape } from './sound-shape.ts';
import { alignWords } from './word-alignment.ts';
import { lettersIn } from './word-estimate.ts';

const TEXTS = [
  'The museum opens at ten, and on Sundays it is free for everybody.',
  'Could you spell your last name for me, and tell me which street you live on?',
  'A small fee is charged for changes, unless the flight was cancelled by the airline.',
  'Please bring your passport, two photographs and a letter from the bank.',
];

describe('words in the sound of a voice', () => {
  let bank: VoiceBank & AsyncDisposable;
  beforeAll(async () => void (bank = await createVoiceBank()));
  afterAll(() => bank[Symbol.asyncDispose]());

  const found = (clip: SpeechClip, format: AudioFormat) => {
    const shape = createSoundShape(format);
    shape.write(clipAudio(clip, format));
    const lengthMs = clip.pcm.length / phoneBytes(1);
    return alignWords(
      shape,
      clip.words.map(({ text }) => text),
      0,
      lengthMs,
    );
  };
  /** The same by letters alone. */
  const guessed = (clip: SpeechClip): readonly number[] => {
    const fromMs = clip.words[0]?.startMs ?? 0;
    const untilMs = clip.words.at(-1)?.endMs ?? 0;
    const letters = lettersIn(clip.text);
    let passed = 0;
    return clip.words.map(({ text }) => {
      passed += text.length + 1;
      return fromMs + (passed / letters) * (untilMs - fromMs);
    });
  };
  const meanOffMs = (clip: SpeechClip, endsMs: readonly number[]): number =>
    clip.words.reduce((sum, word, index) => sum + Math.abs((endsMs[index] ?? 0) - word.endMs), 0) /
    clip.words.length;

  test.each([PHONE_AUDIO, WIDE_LINE.heard, WIDE_LINE.spoken])(
    'are found in %o far nearer to where they are than their letters say',
    async (format) => {
      for (const voice of ['rms', 'slt', 'awb']) {
        let offMs = 0;
        let guessMs = 0;
        for (const text of TEXTS) {
          const clip = await bank.speak(text, voice);
          const ends = found(clip, format).map(({ endMs }) => endMs);
          offMs += meanOffMs(clip, ends) / TEXTS.length;
          guessMs += meanOffMs(clip, guessed(clip)) / TEXTS.length;
        }
        expect(offMs).toBeLessThan(60);
        expect(offMs).toBeLessThan(guessMs * 0.7);
      }
    },
  );

  test('are all there, in order, without a gap below zero', async () => {
    const clip = await bank.speak(TEXTS[0] ?? '', 'slt');
    const words = found(clip, PHONE_AUDIO);
    expect(words.map(({ text }) => text)).toEqual(clip.words.map(({ text }) => text));
    let endMs = 0;
    for (const word of words) {
      expect(word.startMs).toBeGreaterThanOrEqual(endMs);
      expect(word.endMs).toBeGreaterThanOrEqual(word.startMs);
      endMs = word.endMs;
    }
  });
});

describe('what cannot be found', () => {
  const shapeOf = (ms: number) => {
    const shape = createSoundShape(PHONE_AUDIO);
    shape.write(encodeMulaw(Int16Array.from({ length: phoneBytes(ms) }, (_, i) => (i % 16) * 500)));
    return shape;
  };

  test('no words take no time', () => {
    expect(alignWords(shapeOf(400), [], 0, 400)).toEqual([]);
  });

  test('more words than there is sound for lie at its end, each once', () => {
    const many = Array.from({ length: 60 }, (_, index) => `w${index}`);
    const words = alignWords(shapeOf(100), many, 0, 100);
    expect(words.map(({ text }) => text)).toEqual(many);
    for (const { startMs, endMs } of words)
      expect([startMs, endMs].every((at) => at <= 100)).toBe(true);
  });

  test('silence holds words at its end', () => {
    const silence = createSoundShape(PHONE_AUDIO);
    silence.write(encodeMulaw(new Int16Array(phoneBytes(200))));
    expect(alignWords(silence, ['Hello'], 0, 200)).toEqual([
      { text: 'Hello', startMs: 200, endMs: 200 },
    ]);
  });

  test('digits, other alphabets and marks alone are given their share', () => {
    const words = alignWords(shapeOf(2_000), ['42', 'Привет', '–', 'déjà'], 0, 2_000);
    expect(words.map(({ text }) => text)).toEqual(['42', 'Привет', '–', 'déjà']);
    expect(words.at(-1)?.endMs).toBe(2_000);
    expect(words.every(({ startMs, endMs }) => endMs > startMs)).toBe(true);
  });
});
