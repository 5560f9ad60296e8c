import { describe, expect, test } from 'vitest';
import { decodeMulaw } from '#audio/g711.ts';
import {
  bytesOf,
  clipAudio,
  clipMulaw,
  clipPcm,
  encodeAudio,
  noise,
  pcmBytes,
} from './clip-audio.ts';
import { silence, withGain, withNoise } from './clip-audio.ts';
import type { SpeechClip } from './speech.ts';

const pcm = Int16Array.from({ length: 800 }, (_, i) => Math.round(9_000 * Math.sin(i / 4)));
const clip: SpeechClip = { text: 'a tone', voice: 'none', pcm, words: [] };
const power = (samples: Int16Array): number =>
  samples.reduce((sum, sample) => sum + sample ** 2, 0) / samples.length;

describe('the audio of a clip', () => {
  test('is one byte a sample in mu-law, two in linear16, more samples at higher rates', () => {
    expect(clipMulaw(clip).length).toBe(800);
    expect(clipPcm(clip, 8_000).length).toBe(1_600);
    expect(clipPcm(clip, 16_000).length).toBe(3_200);
    expect(clipPcm(clip, 24_000).length).toBe(4_800);
    expect(clipPcm(clip, 24_000).length).toBe(
      bytesOf(100, { encoding: 'linear16', sampleRateHz: 24_000 }),
    );
  });

  test('is the clip, little-endian or to the nearest step of mu-law', () => {
    const bytes = clipPcm(clip, 8_000);
    for (const [i, sample] of pcm.entries()) expect(bytes.readInt16LE(2 * i)).toBe(sample);
    expect(pcmBytes(Int16Array.of(-2, 258))).toEqual(Buffer.from([0xfe, 0xff, 0x02, 0x01]));
    for (const [i, sample] of decodeMulaw(clipMulaw(clip)).entries())
      expect(Math.abs(sample - (pcm[i] ?? 0))).toBeLessThan(300);
  });

  test('is made once for each format', () => {
    const format = { encoding: 'linear16', sampleRateHz: 16_000 } as const;
    expect(clipAudio(clip, format)).toBe(clipPcm(clip, 16_000));
    expect(clipMulaw(clip)).toBe(clipMulaw(clip));
  });

  test('mu-law at another rate than 8 kHz is refused', () => {
    expect(() => encodeAudio(pcm, { encoding: 'mulaw', sampleRateHz: 16_000 })).toThrow('8 kHz');
  });
});

test('silence decodes to zeros', () => {
  const still = decodeMulaw(silence(20, { encoding: 'mulaw', sampleRateHz: 8_000 }));
  expect(still).toEqual(new Int16Array(160));
  expect(silence(20, { encoding: 'linear16', sampleRateHz: 24_000 })).toEqual(Buffer.alloc(960));
});

test('noise is as loud as asked for, and the same for the same seed', () => {
  expect(Math.sqrt(power(noise(1_000, 500, 1)))).toBeCloseTo(500, -2);
  expect(noise(50, 500, 1)).toEqual(noise(50, 500, 1));
  expect(noise(50, 500, 2)).not.toEqual(noise(50, 500, 1));
  const mixed = withNoise(pcm, 15, 3);
  const added = mixed.map((sample, i) => sample - (pcm[i] ?? 0));
  const snrDb = 10 * Math.log10(power(pcm) / power(added));
  expect(Math.abs(snrDb - 15)).toBeLessThan(0.7);
});

test('gain is in decibels and clips instead of wrapping round', () => {
  expect(power(withGain(pcm, -20)) / power(pcm)).toBeCloseTo(0.01, 3);
  expect(Math.max(...withGain(pcm, 20))).toBe(32_767);
});
