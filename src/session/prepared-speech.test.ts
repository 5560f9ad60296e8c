import { expect, test } from 'vitest';
import { msOf, PHONE_AUDIO, WIDE_LINE } from '#audio/format.ts';
import { PREPARED_TEXTS } from '#conversation/ending.ts';
import { preparedSpeech } from './prepared-speech.ts';

test.each(['apology', 'goodbye'] as const)(
  'the shipped %s says what the conversation records of it',
  (name) => {
    const clip = preparedSpeech(name);
    expect(clip.text).toBe(PREPARED_TEXTS[name]);
    expect(clip.words.map((word) => word.text).join(' ')).toBe(clip.text);
    const lengthMs = msOf(clip.audio.length, PHONE_AUDIO);
    expect(clip.words.at(-1)?.endMs).toBeLessThanOrEqual(lengthMs);
    expect(lengthMs).toBeGreaterThan(300);
  },
);

test('it lasts as long on a line that carries more', () => {
  const phone = preparedSpeech('apology');
  const wide = preparedSpeech('apology', WIDE_LINE.spoken);
  const lengthMs = msOf(wide.audio.length, WIDE_LINE.spoken);
  expect(Math.abs(lengthMs - msOf(phone.audio.length, PHONE_AUDIO))).toBeLessThanOrEqual(1);
  expect(wide.words).toBe(phone.words);
  expect(preparedSpeech('apology', WIDE_LINE.spoken)).toBe(wide);
});
