import { MULAW_SILENCE, PHONE_FRAME_BYTES, phoneBytes } from '#audio/g711.ts';

/*
 * Sound that costs nothing to make or to know again: each millisecond (8 bytes of mu-law) says which
 * word it belongs to and how far into it. To everything that looks at loudness it is a loud voice.
 */

export type LabelledWord = {
  readonly id: number;
  readonly text: string;
  readonly durationMs: number;
  /** `caller`, or the vendor of the voice. */
  readonly by: string;
};

/** Every word that was ever said in a call, by either side. */
export type Sounds = {
  word(text: string, durationMs: number, by: string): LabelledWord;
  /** G.711 mu-law, 8 kHz. */
  audioOf(word: LabelledWord): Uint8Array;
  wordOf(id: number): LabelledWord | undefined;
};

/** A stretch of one word, or of a sound that is none, as it arrived at an ear. Times are the ear's. */
export type Piece = {
  readonly word: LabelledWord | undefined;
  readonly startMs: number;
  endMs: number;
  /** Which part of the word it was. */
  readonly fromMs: number;
  untilMs: number;
};

const BYTES_PER_MS = 8;
const NOTHING = new Uint8Array(0);
const CHECK = 0x15;
/** What a cut in the middle of a millisecond takes away. */
const EDGE_MS = 1;
/** A word that was torn by a gap of less than this was heard all the same. */
const TORN_MS = 1_000;
/** What the recogniser hears nothing in: a cough (loud; taken for a voice), and noise that is taken for none. */
export const COUGH_BYTE = 0x15;
export const NOISE_BYTE = 0x25;

/** Five bits as the loudest of mu-law's 16 steps, of either sign. */
const byteOf = (bits: number): number => ((bits & 0x10) << 3) | (bits & 0x0f);
const bitsOf = (byte: number): number => ((byte & 0x80) >> 3) | (byte & 0x0f);
const isLabel = (byte: number): boolean => (byte & 0x70) === 0;
const isSilent = (byte: number): boolean => (byte & 0x70) === 0x70;

export function createSounds(): Sounds {
  const words: LabelledWord[] = [];
  return {
    word(text, durationMs, by) {
      const word = { id: words.length + 1, text, durationMs, by };
      words.push(word);
      return word;
    },
    audioOf({ id, durationMs }) {
      const audio = new Uint8Array(phoneBytes(durationMs));
      for (let ms = 0, at = 0; ms < durationMs; ms++) {
        const bits = [id >> 15, id >> 10, id >> 5, id, ms >> 10, ms >> 5, ms].map((n) => n & 31);
        for (const five of bits) audio[at++] = byteOf(five);
        audio[at++] = byteOf(checkOf(bits));
      }
      return audio;
    },
    wordOf: (id) => words[id - 1],
  };
}

export const silenceOf = (ms: number): Uint8Array =>
  new Uint8Array(phoneBytes(ms)).fill(MULAW_SILENCE);

/** Not the same for bits that begin in the middle of a label. */
const checkOf = (bits: readonly number[]): number =>
  bits.reduce((sum, five, index) => sum + five * (2 * index + 1), CHECK) & 31;

type Cell = { readonly id: number; readonly ms: number } | 'silence' | 'other';

function readCell(audio: Uint8Array, at: number): Cell {
  const byte = (offset: number): number => audio[at + offset] ?? MULAW_SILENCE;
  if (!isLabel(byte(0))) return isSilent(byte(0)) ? 'silence' : 'other';
  let check = CHECK;
  for (let offset = 0; offset < BYTES_PER_MS; offset++) {
    if (!isLabel(byte(offset))) return 'other';
    if (offset < BYTES_PER_MS - 1) check += bitsOf(byte(offset)) * (2 * offset + 1);
  }
  if ((check & 31) !== bitsOf(byte(BYTES_PER_MS - 1))) return 'other';
  return {
    id:
      (bitsOf(byte(0)) << 15) | (bitsOf(byte(1)) << 10) | (bitsOf(byte(2)) << 5) | bitsOf(byte(3)),
    ms: (bitsOf(byte(4)) << 10) | (bitsOf(byte(5)) << 5) | bitsOf(byte(6)),
  };
}

/** Knows labelled words again. */
export type LabelEar = {
  /** Audio whose first sample sounds at `atMs`. */
  write(mulaw: Uint8Array, atMs: number): void;
  /** All that was heard, the last may be going on. */
  readonly pieces: readonly Piece[];
  /** End of the last sound; undefined before the first. */
  readonly soundUntilMs: number | undefined;
};

/** `onWord` is told of each word at its last sample, if it was heard from its first on. */
export function createLabelEar(
  sounds: Sounds,
  onWord: (word: LabelledWord, piece: Piece) => void = () => undefined,
): LabelEar {
  const pieces: Piece[] = [];
  let soundUntilMs: number | undefined;
  /** Bytes of a millisecond that goes on in the next frame, where a cut has moved them. */
  let carried: Uint8Array = NOTHING;
  let skipped = 0;

  const extend = (id: number | undefined, fromMs: number, lengthMs: number, atMs: number): void => {
    soundUntilMs = atMs + lengthMs;
    let piece = pieces.at(-1);
    const goesOn =
      piece &&
      piece.word?.id === id &&
      (id === undefined
        ? atMs - piece.endMs < 1.5
        : piece.untilMs === fromMs && atMs - piece.endMs < TORN_MS);
    if (!piece || !goesOn) {
      const word = id === undefined ? undefined : sounds.wordOf(id);
      piece = { word, startMs: atMs, endMs: atMs, fromMs, untilMs: fromMs };
      pieces.push(piece);
    }
    const wasWhole = isWhole(piece);
    piece.endMs = atMs + lengthMs;
    piece.untilMs += lengthMs;
    const { word } = piece;
    if (word && !wasWhole && isWhole(piece)) onWord(word, piece);
  };

  return {
    pieces,
    get soundUntilMs() {
      return soundUntilMs;
    },
    write(mulaw, atMs) {
      const lengthMs = mulaw.length / BYTES_PER_MS;
      if (mulaw.length === PHONE_FRAME_BYTES && carried.length === 0) {
        // Most frames are all silence, or a stretch of one word.
        const first = readCell(mulaw, 0);
        const last = readCell(mulaw, mulaw.length - BYTES_PER_MS);
        if (first === 'silence' && last === 'silence') return;
        if (typeof first === 'object' && typeof last === 'object' && first.id === last.id)
          return extend(first.id, first.ms, lengthMs, atMs);
      }
      const audio = carried.length === 0 ? mulaw : Buffer.concat([carried, mulaw]);
      const startMs = atMs - carried.length / BYTES_PER_MS;
      let at = 0;
      while (at + BYTES_PER_MS <= audio.length) {
        const cell = readCell(audio, at);
        const cellAtMs = startMs + at / BYTES_PER_MS;
        if (typeof cell === 'object') extend(cell.id, cell.ms, 1, cellAtMs);
        // A voice was cut in the middle of a millisecond: the next begins within 7 bytes.
        else if (cell === 'other' && isLabel(audio[at] ?? 0) && skipped < BYTES_PER_MS - 1) {
          skipped++;
          at++;
          continue;
        } else if (cell === 'other') extend(undefined, 0, 1, cellAtMs);
        skipped = 0;
        at += BYTES_PER_MS;
      }
      carried = at === audio.length ? NOTHING : Uint8Array.from(audio.subarray(at));
    },
  };
}

/** Whether all of a word was heard. */
export const isWhole = ({ word, fromMs, untilMs }: Piece): boolean =>
  word !== undefined && fromMs <= EDGE_MS && untilMs >= word.durationMs - EDGE_MS;
