import { describe, expect, test } from 'vitest';
import { dtmf } from './dtmf.ts';
import { samplesOf, WIDE_LINE } from './format.ts';
import { decodeMulaw, phoneBytes, phoneMs } from './g711.ts';

const FREQUENCIES_HZ = [697, 770, 852, 941, 1_209, 1_336, 1_477, 1_633];

/** The power of one frequency in a stretch of sound (Goertzel), against its whole power: 1 is a pure tone. */
function share(pcm: Int16Array, hz: number): number {
  const factor = 2 * Math.cos((2 * Math.PI * hz) / 8_000);
  let [last, before] = [0, 0];
  let power = 0;
  for (const sample of pcm) {
    power += sample * sample;
    [before, last] = [last, sample + factor * last - before];
  }
  return (last * last + before * before - factor * last * before) / ((power * pcm.length) / 2);
}

/** The two frequencies of a tone, as a receiver would find them. */
const heard = (pcm: Int16Array): readonly number[] =>
  FREQUENCIES_HZ.filter((hz) => share(pcm, hz) > 0.1);

describe('a pressed key', () => {
  test.each([
    ['1', 697, 1_209],
    ['2', 697, 1_336],
    ['3', 697, 1_477],
    ['A', 697, 1_633],
    ['4', 770, 1_209],
    ['5', 770, 1_336],
    ['6', 770, 1_477],
    ['B', 770, 1_633],
    ['7', 852, 1_209],
    ['8', 852, 1_336],
    ['9', 852, 1_477],
    ['C', 852, 1_633],
    ['*', 941, 1_209],
    ['0', 941, 1_336],
    ['#', 941, 1_477],
    ['D', 941, 1_633],
  ])('%s sounds with %i and %i Hz, and with no other', (digit, lowHz, highHz) => {
    const pcm = decodeMulaw(dtmf(digit).subarray(0, phoneBytes(120)));
    expect(heard(pcm)).toEqual([lowHz, highHz]);
    const [low, high] = [share(pcm, lowHz), share(pcm, highHz)];
    expect(low + high).toBeGreaterThan(0.97);
    // The high one is about 2 dB louder.
    expect(10 * Math.log10(high / low)).toBeCloseTo(2, 0);
  });

  test('sounds as long, and as it does to a telephone, on a line that carries more', () => {
    const wide = samplesOf(dtmf('7w', WIDE_LINE.spoken));
    expect(wide.length).toBe(24 * (200 + 500));
    const narrow = wide.filter((_, at) => at % 3 === 0).subarray(0, phoneBytes(120));
    expect(heard(narrow)).toEqual([852, 1_209]);
  });

  test('is followed by silence, long enough to be told from the next', () => {
    const sound = dtmf('11');
    expect(phoneMs(sound.length)).toBe(400);
    const gap = decodeMulaw(sound.subarray(phoneBytes(121), phoneBytes(200)));
    expect(gap.every((sample) => sample === 0)).toBe(true);
    expect(sound.subarray(0, phoneBytes(200))).toEqual(sound.subarray(phoneBytes(200)));
  });

  test('never clips', () => {
    const loudest = Math.max(...decodeMulaw(dtmf('123A456B789C*0#D')).map(Math.abs));
    expect(loudest).toBeGreaterThan(10_000);
    expect(loudest).toBeLessThan(25_000);
  });

  test('may be waited for', () => {
    expect(phoneMs(dtmf('w').length)).toBe(500);
    expect(dtmf('w').every((byte) => byte === 0xff)).toBe(true);
  });

  test.each(['x', 'a', 'é', ' ', '👍'])('that there is not is refused: %j', (digit) => {
    expect(() => dtmf(digit)).toThrow(RangeError);
  });
});
