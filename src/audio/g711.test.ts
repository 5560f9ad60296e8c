import { describe, expect, test } from 'vitest';
import { decodeMulaw, encodeMulaw, phoneBytes, phoneMs } from './g711.ts';

describe('mu-law', () => {
  test('every byte survives decoding and encoding, but for the second zero', () => {
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const back = encodeMulaw(decodeMulaw(all));
    // 0x7f is "minus zero": it decodes to 0, which encodes to plus zero.
    expect([...back]).toEqual([...all].map((byte) => (byte === 0x7f ? 0xff : byte)));
  });

  test('decodes the values of the G.711 tables', () => {
    expect([...decodeMulaw(Uint8Array.of(0x00, 0x80, 0xff, 0x0f, 0xf0))]).toEqual([
      -32_124, 32_124, 0, -16_764, 120,
    ]);
  });

  test('loses at most a sixteenth of a loud sample', () => {
    for (let sample = -32_000; sample <= 32_000; sample += 97) {
      const back = decodeMulaw(encodeMulaw(Int16Array.of(sample)))[0] ?? NaN;
      expect(Math.abs(back - sample)).toBeLessThanOrEqual(Math.max(8, Math.abs(sample) / 16));
    }
  });

  test('20 ms are 160 bytes', () => {
    expect(phoneMs(160)).toBe(20);
    expect(phoneBytes(20)).toBe(160);
  });
});
