import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bytesOf,
  bytesOfSamples,
  isLoud,
  LOUD_AMPLITUDE,
  msOf,
  PHONE_AUDIO,
  sampleAt,
  samplesOf,
  silenceOf,
  WIDE_LINE,
} from './format.ts';
import { encodeMulaw } from './g711.ts';
import { wholeSamples } from './whole-samples.ts';

describe.each([
  [PHONE_AUDIO, 8],
  [WIDE_LINE.heard, 32],
  [WIDE_LINE.spoken, 48],
])('sound in %o', (format, bytesPerMs) => {
  test(`takes ${bytesPerMs} bytes a millisecond, in whole samples`, () => {
    expect(bytesOf(20, format)).toBe(20 * bytesPerMs);
    expect(msOf(20 * bytesPerMs, format)).toBe(20);
    const sampleBytes = format.encoding === 'mulaw' ? 1 : 2;
    fc.assert(
      fc.property(fc.double({ min: 0, max: 60_000, noNaN: true }), (ms) => {
        const bytes = bytesOf(ms, format);
        expect(bytes % sampleBytes).toBe(0);
        expect(Math.abs(msOf(bytes, format) - ms)).toBeLessThanOrEqual(0.0626);
      }),
    );
  });

  test('is silent, soft or loud whatever it is written in', () => {
    const written = (level: number): Uint8Array => {
      const pcm = Int16Array.from({ length: 400 }, (_, at) => (at % 2 === 0 ? level : -level));
      return format.encoding === 'mulaw' ? encodeMulaw(pcm) : bytesOfSamples(pcm);
    };
    expect(isLoud(silenceOf(50, format), format)).toBe(false);
    expect(isLoud(written(LOUD_AMPLITUDE / 2), format)).toBe(false);
    expect(isLoud(written(LOUD_AMPLITUDE * 2), format)).toBe(true);
    expect(isLoud(written(LOUD_AMPLITUDE * 2), format, 4)).toBe(true);
    expect(Math.abs(sampleAt(written(-9_000), 0, format) + 9_000)).toBeLessThan(300);
  });
});

test('linear samples survive their bytes, from any place in a buffer', () => {
  fc.assert(
    fc.property(fc.int16Array({ minLength: 1, maxLength: 50 }), (pcm) => {
      const shifted = Buffer.concat([Buffer.alloc(1), bytesOfSamples(pcm)]).subarray(1);
      expect(samplesOf(shifted)).toEqual(pcm);
      for (const [at, sample] of pcm.entries())
        expect(sampleAt(shifted, 2 * at, WIDE_LINE.spoken)).toBe(sample);
    }),
  );
});

describe('pieces of sound that were cut anywhere', () => {
  test('are passed on in whole samples, and none is lost', () => {
    const cuts = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 20 });
    fc.assert(
      fc.property(cuts, (pieces) => {
        const whole = wholeSamples(WIDE_LINE.spoken);
        const passed = pieces.map((piece) => Uint8Array.from(whole(piece)));
        expect(passed.every(({ length }) => length % 2 === 0)).toBe(true);
        const all = Buffer.concat(pieces);
        expect(Buffer.concat(passed)).toEqual(all.subarray(0, all.length - (all.length % 2)));
      }),
    );
  });

  test('stay as they are where a sample is a byte', () => {
    const piece = Uint8Array.of(1, 2, 3);
    expect(wholeSamples(PHONE_AUDIO)(piece)).toBe(piece);
  });
});
