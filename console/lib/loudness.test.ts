import { expect, test } from 'vitest';
import { createLoudness, SILENCE_DBFS } from './loudness.ts';

const square = (sample: number): Int16Array => new Int16Array(160).fill(sample);

test('full scale is 0 dBFS, and half of it 6 dB below', () => {
  const loudness = createLoudness();
  loudness.add(square(-32_768));
  expect(loudness.read()).toBe(0);
  loudness.add(square(16_384));
  expect(loudness.read()).toBe(-6);
});

test('what was read is forgotten, and nothing is silence', () => {
  const loudness = createLoudness();
  expect(loudness.read()).toBe(SILENCE_DBFS);
  loudness.add(square(20_000));
  expect(loudness.read()).toBeGreaterThan(-10);
  expect(loudness.read()).toBe(SILENCE_DBFS);
  loudness.add(square(1));
  expect(loudness.read()).toBe(SILENCE_DBFS);
});
