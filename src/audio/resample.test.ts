import { describe, expect, test } from 'vitest';
import { loadResampler } from './resample.ts';

const open = await loadResampler();

const tone = (hz: number, sampleRateHz: number, lengthMs: number): Int16Array =>
  Int16Array.from({ length: (sampleRateHz * lengthMs) / 1_000 }, (_, i) =>
    Math.round(16_384 * Math.sin((2 * Math.PI * hz * i) / sampleRateHz)),
  );

function convert(pcm: Int16Array, fromHz: number, toHz: number, chunkSamples: number): Int16Array {
  const resampler = open(fromHz, toHz);
  const out: number[] = [];
  for (let from = 0; from < pcm.length; from += chunkSamples)
    out.push(...resampler.push(pcm.subarray(from, from + chunkSamples)));
  out.push(...resampler.end());
  resampler.close();
  return Int16Array.from(out);
}

/** Against a tone of the same strength, away from the edges. */
function levelDb(pcm: Int16Array): number {
  const middle = pcm.subarray(800, -800);
  const power = middle.reduce((sum, sample) => sum + sample * sample, 0) / middle.length;
  return 20 * Math.log10((Math.sqrt(power) * Math.SQRT2) / 16_384 + 1e-9);
}

describe('from 24 kHz to the telephone’s 8', () => {
  test.each([300, 1_000, 3_000, 3_400])('a tone of %i Hz keeps its strength', (hz) => {
    expect(levelDb(convert(tone(hz, 24_000, 500), 24_000, 8_000, 480))).toBeCloseTo(0, 0);
  });

  test.each([4_300, 5_000, 7_000, 11_000])('a tone of %i Hz leaves no other behind', (hz) => {
    expect(levelDb(convert(tone(hz, 24_000, 500), 24_000, 8_000, 480))).toBeLessThan(-60);
  });

  test('a sound stays at its time, and the whole at its length', () => {
    const click = new Int16Array(4_800);
    click[2_400] = 30_000;
    const out = convert(click, 24_000, 8_000, 480);
    const loudest = out.reduce((best, sample, i) => (sample > (out[best] ?? 0) ? i : best), 0);
    expect(loudest).toBe(800);
    expect(out.length).toBe(1_600);
  });

  test('chunks of any length make the same sound', () => {
    const pcm = tone(440, 24_000, 300);
    const whole = convert(pcm, 24_000, 8_000, pcm.length);
    for (const chunkSamples of [1, 7, 480, 5_000])
      expect(convert(pcm, 24_000, 8_000, chunkSamples)).toEqual(whole);
  });
});

test('it goes up as well', () => {
  const out = convert(tone(1_000, 8_000, 500), 8_000, 24_000, 160);
  expect(out.length).toBe(12_000);
  expect(levelDb(out)).toBeCloseTo(0, 0);
});

test('what is no rate is refused, and a closed resampler gives nothing', () => {
  expect(() => open(0, 8_000)).toThrow(RangeError);
  const resampler = open(24_000, 8_000);
  resampler.close();
  resampler.close();
  expect(resampler.push(new Int16Array(480))).toHaveLength(0);
  expect(resampler.end()).toHaveLength(0);
});
