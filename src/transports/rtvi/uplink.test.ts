import { describe, expect, test } from 'vitest';
import { bytesOfSamples, samplesOf, WIDE_LINE } from '#audio/format.ts';
import { loadResampler } from '#audio/resample.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createUplink } from './uplink.ts';

const openResampler = await loadResampler();

function rig() {
  const clock = virtualClock(1_000);
  const frames: Uint8Array[] = [];
  const uplink = createUplink({
    clock,
    format: WIDE_LINE.heard,
    openResampler,
    on: (audio) => void frames.push(Uint8Array.from(audio)),
  });
  return { clock, uplink, frames, pcm: () => samplesOf(Buffer.concat(frames)) };
}

const tone = (hz: number, rateHz: number, lengthMs: number): Int16Array =>
  Int16Array.from({ length: (rateHz * lengthMs) / 1_000 }, (_, i) =>
    Math.round(8_000 * Math.sin((2 * Math.PI * hz * i) / rateHz)),
  );

describe("a browser's microphone", () => {
  test.each([8_000, 16_000, 24_000, 44_100, 48_000])(
    'at %i Hz becomes frames of 20 ms at 16 kHz without a click at their borders',
    async (rateHz) => {
      const { uplink, frames, pcm } = rig();
      const sound = tone(500, rateHz, 1_000);
      const chunk = Math.floor(rateHz * 0.032);
      for (let at = 0; at < sound.length; at += chunk)
        expect(
          uplink.write(bytesOfSamples(sound.subarray(at, at + chunk)), rateHz, 1),
        ).toBeUndefined();
      expect(new Set(frames.map(({ length }) => length))).toEqual(new Set([640]));
      const middle = pcm().subarray(1_600, 14_000);
      // The steepest step of such a tone.
      const steepest = 8_000 * ((2 * Math.PI * 500) / 16_000) * 1.05;
      for (const [index, sample] of middle.entries())
        if (index > 0) expect(Math.abs(sample - (middle[index - 1] ?? 0))).toBeLessThan(steepest);
      const power = middle.reduce((sum, sample) => sum + sample * sample, 0) / middle.length;
      expect(Math.sqrt(power * 2)).toBeCloseTo(8_000, -3);
    },
  );

  test('that is muted becomes silence that keeps up with time', async () => {
    const { clock, frames, pcm } = rig();
    await clock.advance(10_000);
    expect(frames.length * 20).toBeGreaterThanOrEqual(9_600);
    expect(frames.length * 20).toBeLessThanOrEqual(10_000);
    expect(pcm().every((sample) => sample === 0)).toBe(true);
  });

  test('that is on gets no silence in between, also when its packets come late', async () => {
    const { clock, uplink, pcm } = rig();
    const sound = tone(500, 16_000, 2_000);
    for (let packet = 0; packet < 62; packet += 1) {
      const [from, to] = [packet * 512, packet * 512 + 512];
      await clock.advance(packet % 16 === 0 ? 482 : 2);
      uplink.write(bytesOfSamples(sound.subarray(from, to)), 16_000, 1);
    }
    const silences = pcm()
      .subarray(100)
      .reduce(
        ({ run, most }, sample) => {
          const next = sample === 0 ? run + 1 : 0;
          return { run: next, most: Math.max(most, next) };
        },
        { run: 0, most: 0 },
      );
    expect(silences.most).toBeLessThan(20);
  });

  test.each([
    [new Uint8Array(3), 16_000, 1, '16 bits'],
    [new Uint8Array(4), 4_000, 1, 'samples a second'],
    [new Uint8Array(4), 96_000, 1, 'samples a second'],
    [new Uint8Array(4), Number.NaN, 1, 'samples a second'],
    [new Uint8Array(4), 16_000, 2, 'one channel'],
  ])('that sends what cannot be heard is told why', (pcm, rateHz, channels, why) => {
    const { uplink } = rig();
    expect(uplink.write(pcm, rateHz, channels)).toContain(why);
  });

  test('cannot say more than time allows', () => {
    const { uplink, frames } = rig();
    const minute = new Uint8Array(2 * 16_000 * 5);
    const answers = Array.from({ length: 12 }, () => uplink.write(minute, 16_000, 1));
    expect(answers.at(-1)).toContain('faster than time');
    expect(frames.length * 20).toBeLessThanOrEqual(15_000);
  });

  test('leaves no timer behind', async () => {
    const { clock, uplink, frames } = rig();
    uplink.write(new Uint8Array(1_024), 16_000, 1);
    uplink.close();
    const before = frames.length;
    await clock.advance(5_000);
    expect(frames).toHaveLength(before);
    expect(clock.pending).toBe(0);
  });
});
