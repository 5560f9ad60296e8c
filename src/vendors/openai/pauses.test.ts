import { expect, test } from 'vitest';
import { PHONE_AUDIO } from '#audio/format.ts';
import { MULAW_SILENCE, phoneBytes } from '#audio/g711.ts';
import { createPauseFinder } from './pauses.ts';

const PIECE_MS = 80;
const LOUD = new Uint8Array(phoneBytes(PIECE_MS)).fill(0x10);
const QUIET = new Uint8Array(phoneBytes(PIECE_MS)).fill(MULAW_SILENCE);
const click = (): Uint8Array => QUIET.map((byte, i) => (i < 8 ? 0x10 : byte));

/** When each segment ends, in ms of audio. */
function endsOf(pieces: readonly Uint8Array[], hearsWords = true): readonly number[] {
  const finder = createPauseFinder(PHONE_AUDIO);
  return pieces.flatMap((piece, i) => {
    const isEnd = finder.write(piece);
    if (hearsWords && piece === LOUD) finder.heard();
    if (!isEnd) return [];
    finder.reset();
    return (i + 1) * PIECE_MS;
  });
}
const of = (piece: Uint8Array, ms: number): Uint8Array[] =>
  Array.from({ length: Math.round(ms / PIECE_MS) }, () => piece);

test('a pause after speech ends a segment once', () => {
  expect(endsOf([...of(QUIET, 800), ...of(LOUD, 800), ...of(QUIET, 4_000)])).toEqual([2_320]);
});

test('a short pause inside a sentence does not', () => {
  expect(endsOf([...of(LOUD, 800), ...of(QUIET, 560), ...of(LOUD, 800)])).toEqual([]);
});

test('clicks are no speech', () => {
  const clicking = [...of(QUIET, 400), click(), ...of(QUIET, 400), click(), ...of(QUIET, 2_000)];
  expect(endsOf(clicking)).toEqual([]);
});

test('silence ends a segment now and then, so that none grows without end', () => {
  expect(endsOf(of(QUIET, 40_000))).toEqual([15_040, 30_080]);
});

test('somebody who speaks without a breath is cut at 30 s at the latest', () => {
  expect(endsOf(of(LOUD, 40_000))).toEqual([30_000]);
});

test('a service that hears no words in loud audio is given a new segment', () => {
  const sentence = [...of(LOUD, 5_520), ...of(QUIET, 80)];
  expect(endsOf([...sentence, ...sentence], false)).toEqual([5_600, 11_200]);
  expect(endsOf(of(LOUD, 12_000), false)).toEqual([10_000]);
});

test('whether somebody speaks just now can be asked', () => {
  const finder = createPauseFinder(PHONE_AUDIO);
  expect(finder.isSpeech).toBe(false);
  finder.write(LOUD);
  expect([finder.isSpeech, finder.quietMs]).toEqual([true, 0]);
  finder.write(QUIET);
  finder.write(QUIET);
  expect([finder.isSpeech, finder.quietMs]).toEqual([false, 160]);
  finder.reset();
  expect(finder.quietMs).toBe(0);
});
