import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PHONE_AUDIO, WIDE_LINE } from '#audio/format.ts';
import { createAudioRing } from './audio-ring.ts';

test.each([
  [PHONE_AUDIO, 500],
  [WIDE_LINE.heard, 125],
])(
  'of %o keeps the end of what was written, up to its limit, and gives any part of it back',
  (format, limitMs) => {
    const pieces = fc.array(fc.uint8Array({ minLength: 0, maxLength: 700 }), { maxLength: 40 });
    fc.assert(
      fc.property(pieces, fc.nat(1_000), (written, drop) => {
        const ring = createAudioRing(limitMs, format);
        let all = new Uint8Array(0);
        for (const piece of written) {
          ring.append(piece);
          all = Uint8Array.from(Buffer.concat([all, piece]));
        }
        expect(ring.endBytes).toBe(all.length);
        expect(ring.startBytes).toBe(Math.max(0, all.length - 4_000));
        ring.dropUntil(drop);
        const { startBytes, endBytes } = ring;
        expect(startBytes).toBe(Math.max(0, all.length - 4_000, Math.min(drop, all.length)));
        expect(ring.slice(0, Infinity)).toEqual(all.subarray(startBytes));
        const middle = Math.floor((startBytes + endBytes) / 2);
        expect(ring.slice(startBytes, middle)).toEqual(all.subarray(startBytes, middle));
      }),
    );
  },
);
