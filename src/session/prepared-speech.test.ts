import { expect, test } from 'vitest';
import { phoneMs } from '#audio/g711.ts';
import { PREPARED_TEXTS } from '#conversation/ending.ts';
import { preparedSpeech } from './prepared-speech.ts';

test.each(['apology', 'goodbye'] as const)(
  'the shipped %s says what the conversation records of it',
  (name) => {
    const clip = preparedSpeech[name];
    expect(clip.text).toBe(PREPARED_TEXTS[name]);
    expect(clip.words.map((word) => word.text).join(' ')).toBe(clip.text);
    const lengthMs = phoneMs(clip.mulaw.length);
    expect(clip.words.at(-1)?.endMs).toBeLessThanOrEqual(lengthMs);
    expect(lengthMs).toBeGreaterThan(300);
  },
);
