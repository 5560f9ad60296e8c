import { describe, expect, test } from 'vitest';
import { createRandom } from './random.ts';
import { resample } from './resample.ts';

const tone = (hz: number, rateHz: number, ms: number): Int16Array =>
  Int16Array.from({ length: (rateHz * ms) / 1_000 }, (_, i) =>
    Math.round(10_000 * Math.sin((2 * Math.PI * hz * i) / rateHz)),
  );

/** Largest difference, away from the ends. */
const distance = (one: Int16Array, other: Int16Array): number =>
  one
    .subarray(400, -400)
    .reduce((most, sample, i) => Math.max(most, Math.abs(sample - (other[i + 400] ?? 0))), 0);

describe('resampling', () => {
  test.each([
    [8_000, 16_000],
    [8_000, 24_000],
    [16_000, 8_000],
    [24_000, 8_000],
  ])('from %i to %i Hz keeps what both can carry, and its time', (from, to) => {
    for (const hz of [200, 1_000, 3_200])
      expect(distance(resample(tone(hz, from, 500), from, to), tone(hz, to, 500))).toBeLessThan(20);
  });

  test('what the lower rate cannot carry is removed, not folded back', () => {
    const heard = resample(tone(5_000, 16_000, 500), 16_000, 8_000);
    expect(Math.max(...heard.subarray(400, -400).map(Math.abs))).toBeLessThan(20);
  });

  test('the band ends where it was asked to', () => {
    const heard = resample(tone(3_700, 16_000, 500), 16_000, 8_000, 3_400);
    expect(Math.max(...heard.subarray(400, -400).map(Math.abs))).toBeLessThan(60);
  });

  test('loud sound is clipped, not wrapped round', () => {
    const square = Int16Array.from({ length: 800 }, (_, i) => (i % 80 < 40 ? 32_767 : -32_768));
    const heard = resample(square, 8_000, 16_000);
    for (let i = 400; i < 1_200; i++)
      if (i % 160 > 10 && i % 160 < 70) expect(heard[i]).toBeGreaterThan(25_000);
  });
});

describe('random numbers', () => {
  test('are the same for the same seed, and spread as they should', () => {
    const draw = (seed: number): readonly number[] => {
      const random = createRandom(seed);
      return Array.from({ length: 2_000 }, () => random.gaussian());
    };
    const drawn = draw(7);
    expect(draw(7)).toEqual(drawn);
    expect(draw(8)).not.toEqual(drawn);
    const mean = drawn.reduce((sum, x) => sum + x, 0) / drawn.length;
    const variance = drawn.reduce((sum, x) => sum + (x - mean) ** 2, 0) / drawn.length;
    expect(Math.abs(mean)).toBeLessThan(0.1);
    expect(Math.abs(variance - 1)).toBeLessThan(0.15);
    const { int } = createRandom(1);
    const seen = new Set(Array.from({ length: 200 }, () => int(2, 4)));
    expect([...seen].toSorted((a, b) => a - b)).toEqual([2, 3, 4]);
  });
});
