import { phoneBytes, phoneMs } from '#audio/g711.ts';
import type { WordTime } from '#contracts/text-to-speech.ts';
import { positionAfter } from './remaining-text.ts';
import { lettersIn, wordsAtPace, wordsByShare } from './word-estimate.ts';

/** Word times are rounded on their way. */
const ROUNDING_MS = 1;

/** What may go on to the line. */
export type Passed = { readonly audio: readonly Uint8Array[]; readonly words: readonly WordTime[] };

/**
 * What one vendor has made of a text, on its way to the line. Audio passes up to the end of the last
 * whole word, so that a vendor that dies in the middle of a word leaves no half of it behind, unless
 * it was the first; the rest waits for its end, or until it is asked for. Without word times all of it passes at once, and
 * the words are an estimate.
 */
export type SpeechGate = {
  text(text: string): void;
  audio(mulaw: Uint8Array): Passed;
  words(words: readonly WordTime[]): Passed;
  /**
   * The line runs dry: what is held back passes, whole words or not; but for the latest piece, whose
   * words may be told next.
   */
  force(): Passed;
  /** All of it was made. */
  done(): Passed;
  /** How much has passed. */
  readonly passedMs: number;
  /** Whether `force` would let something pass. */
  readonly canForce: boolean;
  readonly receivedMs: number;
  /** Where in the text to go on after the words that have passed. */
  readonly position: number;
  /** The same after all words that were told, though their audio may not be here yet. */
  readonly toldPosition: number;
  /** How long a letter took; undefined before `done`. */
  readonly msPerLetter: number | undefined;
};

export function createSpeechGate(options: {
  readonly wordTimes: boolean;
  /** Hold back what is not a whole word yet; only where there are word times. */
  readonly holdsBack: boolean;
  /** For a voice without word times. */
  readonly msPerLetter: number;
}): SpeechGate {
  const { wordTimes, msPerLetter } = options;
  const holdsBack = options.holdsBack && wordTimes;
  let text = '';
  let receivedBytes = 0;
  let latestFromBytes = 0;
  let passedBytes = 0;
  let held: Uint8Array[] = [];
  const told: WordTime[] = [];
  let passedWords = 0;
  let lastEndMs = 0;
  let isDone = false;

  const takeAudio = (untilBytes: number): Uint8Array[] => {
    const audio: Uint8Array[] = [];
    for (let piece = held[0]; piece && passedBytes < untilBytes; piece = held[0]) {
      const room = untilBytes - passedBytes;
      if (piece.length > room) held[0] = piece.subarray(room);
      else held.shift();
      const part = piece.length > room ? piece.subarray(0, room) : piece;
      passedBytes += part.length;
      audio.push(part);
    }
    return audio;
  };

  const takeWords = (): readonly WordTime[] => {
    const untilMs = isDone ? Infinity : phoneMs(receivedBytes) + ROUNDING_MS;
    const from = passedWords;
    for (let word = told[from]; word && word.endMs <= untilMs; word = told[passedWords]) {
      lastEndMs = Math.max(lastEndMs, word.endMs);
      passedWords++;
    }
    return told.slice(from, passedWords);
  };

  /** The caller waits for the first word: it goes out as it is made, once it is known to be one. */
  const openingBytes = (): number => {
    const [first] = told;
    if (!wordTimes || passedWords > 0) return 0;
    return Math.max(latestFromBytes, first ? phoneBytes(first.endMs) : 0);
  };

  const pass = (forcedBytes = 0): Passed => {
    if (!wordTimes && !isDone)
      told.push(...wordsAtPace(text, told.length, phoneMs(receivedBytes), msPerLetter));
    const words = takeWords();
    const untilBytes =
      isDone || !holdsBack
        ? receivedBytes
        : Math.max(phoneBytes(lastEndMs), forcedBytes, openingBytes());
    return { audio: takeAudio(Math.min(receivedBytes, untilBytes)), words };
  };

  return {
    text: (more) => void (text += more),
    audio(mulaw) {
      latestFromBytes = receivedBytes;
      receivedBytes += mulaw.length;
      held.push(mulaw);
      return pass();
    },
    words(words) {
      if (wordTimes) told.push(...words);
      return pass();
    },
    force: () => pass(latestFromBytes),
    done() {
      if (!wordTimes)
        told.push(...wordsByShare(text, told.length, lastEndMs, phoneMs(receivedBytes)));
      isDone = true;
      return pass();
    },
    get passedMs() {
      return phoneMs(passedBytes);
    },
    get canForce() {
      return latestFromBytes > passedBytes;
    },
    get receivedMs() {
      return phoneMs(receivedBytes);
    },
    get position() {
      return positionAfter(
        text,
        told.slice(0, passedWords).map((word) => word.text),
      );
    },
    get toldPosition() {
      return positionAfter(
        text,
        told.map((word) => word.text),
      );
    },
    get msPerLetter() {
      const letters = lettersIn(text);
      return isDone && letters > 0 ? phoneMs(receivedBytes) / letters : undefined;
    },
  };
}
