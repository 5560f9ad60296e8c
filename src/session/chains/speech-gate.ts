import { bytesOf, msOf } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';
import type { WordTime } from '#contracts/text-to-speech.ts';
import { firstSentenceEnd, pauseEnds } from '#conversation/policies/clauses.ts';
import { createPauseFinder } from './pauses.ts';
import { positionAfter } from './remaining-text.ts';
import { createSoundShape } from './sound-shape.ts';
import { alignWords } from './word-alignment.ts';
import { lettersIn, wordsAtPace, wordsIn, wordsOf } from './word-estimate.ts';

/** A pause this near to where a comma is due is the comma's. */
const NEAR_MS = 350;
/** A word is guessed no sooner than this before it is played; a mark has to be put at its end in time. */
const TOLD_AHEAD_MS = 250;
/**
 * Without word times the first sound is not let pass before so much of it is there: a voice that stalls
 * right after would leave a piece of a word, of which nobody knows whose it is.
 */
const OPENING_MS = 160;
/** Word times are rounded on their way. */
const ROUNDING_MS = 1;

/** What may go on to the line. */
export type Passed = { readonly audio: readonly Uint8Array[]; readonly words: readonly WordTime[] };

/**
 * What one vendor has made of a text, on its way to the line. Audio passes up to the end of the last
 * whole word, so that a vendor that dies in the middle of a word leaves no half of it behind, unless
 * it was the first; the rest waits for its end, or until it is asked for. Without word times audio passes up to the end of the
 * last whole sentence; of one that has to pass before its end the words are an estimate.
 */
export type SpeechGate = {
  text(text: string): void;
  audio(audio: Uint8Array): Passed;
  words(words: readonly WordTime[]): Passed;
  /** Without word times: what was received so far is all sound of the next so many characters. */
  sentenceEnd(lengthChars: number): Passed;
  /**
   * The line runs dry: what is held back passes, whole words or not; but for the latest piece, whose
   * words may be told next. Without word times all of it passes, and of its words those are told that
   * are about to be played: `playedMs` at most was. The end of the sentence tells the others better.
   */
  force(playedMs: number): Passed;
  /** No more will be made: what belongs together for certain passes. */
  broken(): Passed;
  /** All of it was made. */
  done(): Passed;
  /** How much has passed. */
  readonly passedMs: number;
  /** Whether `force` would let sound pass. */
  readonly canForce: boolean;
  /** Sound has passed whose words were not all told yet. */
  readonly owesWords: boolean;
  readonly receivedMs: number;
  /** Where in the text to go on after the words that have passed. */
  readonly position: number;
  /** The same after all words that were told, though their audio may not be here yet. */
  readonly toldPosition: number;
  /** How long a letter took; undefined before `done`. */
  readonly msPerLetter: number | undefined;
};

export function createSpeechGate(options: {
  readonly format: AudioFormat;
  readonly wordTimes: boolean;
  /** Hold back what is not a whole word yet, or not a whole sentence where there are no word times. */
  readonly holdsBack: boolean;
  /** For a voice without word times. */
  readonly msPerLetter: number;
}): SpeechGate {
  const { format, wordTimes, holdsBack } = options;
  const bytesIn = (ms: number): number => bytesOf(ms, format);
  const msIn = (bytes: number): number => msOf(bytes, format);
  let { msPerLetter } = options;
  let text = '';
  let receivedBytes = 0;
  let latestFromBytes = 0;
  let passedBytes = 0;
  let held: Uint8Array[] = [];
  const told: WordTime[] = [];
  let passedWords = 0;
  let lastEndMs = 0;
  let isDone = false;
  const finder = createPauseFinder(format);
  const shape = createSoundShape(format);
  /** Up to where text and sound are known to belong together, without word times. */
  let known = { chars: 0, words: 0, ms: 0 };
  /** The end of the last whole sentence of those. */
  let endedChars = 0;

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
    const untilMs = isDone ? Infinity : msIn(receivedBytes) + ROUNDING_MS;
    const from = passedWords;
    for (let word = told[from]; word && word.endMs <= untilMs; word = told[passedWords]) {
      lastEndMs = Math.max(lastEndMs, word.endMs);
      passedWords++;
    }
    return told.slice(from, passedWords);
  };

  const tell = (words: readonly WordTime[]): void =>
    void told.push(
      ...words.map((word) => ({
        text: word.text,
        startMs: known.ms + word.startMs,
        endMs: known.ms + word.endMs,
      })),
    );
  /** A pause in the sound near to where one is due shows where in the text it is. */
  const settleAtPauses = (): void => {
    for (const { startMs, endMs } of finder.pauses()) {
      if (startMs <= known.ms) continue;
      const ahead = text.slice(known.chars);
      const dueMs = (end: number): number =>
        known.ms + lettersIn(ahead.slice(0, end)) * msPerLetter;
      const [nearest] = pauseEnds(ahead).toSorted(
        (one, two) => Math.abs(dueMs(one) - startMs) - Math.abs(dueMs(two) - startMs),
      );
      if (nearest === undefined || Math.abs(dueMs(nearest) - startMs) > NEAR_MS) continue;
      const words = wordsIn(ahead.slice(0, nearest));
      // More was told already than had been said.
      if (known.words + words < told.length) continue;
      settle(known.chars + nearest, endMs);
    }
  };
  /** A voice that broke off in silence had finished a word: the one that should end nearest to there. */
  const tellFinishedWord = (): boolean => {
    const silentMs = finder.fellSilentMs();
    if (silentMs === undefined || silentMs <= known.ms) return false;
    const ahead = text.slice(known.chars);
    const words = wordsAtPace(ahead, 0, Infinity, msPerLetter);
    const offMs = (endMs: number): number => Math.abs(known.ms + endMs - silentMs);
    const nearest = words.toSorted((one, two) => offMs(one.endMs) - offMs(two.endMs))[0];
    if (!nearest || offMs(nearest.endMs) > silentMs - known.ms) return false;
    const said = words.slice(told.length - known.words, words.indexOf(nearest) + 1);
    const latestMs = msIn(receivedBytes) - known.ms;
    tell(said.map((word) => ({ ...word, endMs: Math.min(word.endMs, latestMs) })));
    return true;
  };
  const sentenceInWork = (): string => {
    const ahead = text.slice(known.chars);
    return holdsBack ? ahead.slice(0, firstSentenceEnd(ahead) || undefined) : ahead;
  };
  /** Tells the words that the sound of the sentence that is being made holds, up to a moment, at its pace. */
  const estimate = (untilMs: number): void => {
    settleAtPauses();
    const madeMs = Math.min(untilMs, msIn(receivedBytes)) - known.ms;
    tell(wordsAtPace(sentenceInWork(), told.length - known.words, madeMs, msPerLetter));
  };
  /** Tells the rest of the words up to a place that is known to be the end of the sound received. */
  const settle = (chars: number, untilMs = msIn(receivedBytes)): void => {
    const toldMs = told.at(-1)?.endMs ?? 0;
    const words = alignWords(shape, wordsOf(text.slice(known.chars, chars)), known.ms, untilMs);
    for (const { text: word, startMs, endMs } of words.slice(told.length - known.words))
      told.push({ text: word, startMs: Math.max(startMs, toldMs), endMs: Math.max(endMs, toldMs) });
    known = { chars, words: told.length, ms: untilMs };
    const letters = lettersIn(text.slice(0, chars));
    if (letters > 0) msPerLetter = known.ms / letters;
  };

  /** The caller waits for the first word: it goes out as it is made, once it is known to be one. */
  const openingBytes = (): number => {
    const [first] = told;
    if (!wordTimes || passedWords > 0) return 0;
    return Math.max(latestFromBytes, first ? bytesIn(first.endMs) : 0);
  };

  const pass = (forcedBytes = 0): Passed => {
    if (!wordTimes && !isDone && !holdsBack) estimate(Infinity);
    const words = takeWords();
    const untilBytes =
      isDone || !holdsBack
        ? receivedBytes
        : Math.max(bytesIn(lastEndMs), bytesIn(known.ms), forcedBytes, openingBytes());
    return { audio: takeAudio(Math.min(receivedBytes, untilBytes)), words };
  };

  return {
    text: (more) => void (text += more),
    audio(audio) {
      latestFromBytes = receivedBytes;
      receivedBytes += audio.length;
      held.push(audio);
      if (!wordTimes) {
        finder.write(audio);
        shape.write(audio);
      }
      return pass();
    },
    words(words) {
      if (wordTimes) told.push(...words);
      return pass();
    },
    sentenceEnd(lengthChars) {
      endedChars += lengthChars;
      settle(endedChars);
      return pass();
    },
    force(playedMs) {
      if (wordTimes) return pass(latestFromBytes);
      estimate(playedMs + TOLD_AHEAD_MS);
      return pass(receivedBytes);
    },
    broken() {
      if (wordTimes || !holdsBack) return pass();
      settleAtPauses();
      // What was held back behind a known place is simply made anew.
      const isForced = passedBytes > bytesIn(known.ms);
      if (isForced && tellFinishedWord()) return pass(receivedBytes);
      if (isForced) estimate(msIn(passedBytes));
      return pass();
    },
    done() {
      if (!wordTimes && known.chars < text.length) settle(text.length);
      isDone = true;
      return pass();
    },
    get passedMs() {
      return msIn(passedBytes);
    },
    get canForce() {
      if (wordTimes) return latestFromBytes > passedBytes;
      const isOpen = passedBytes > 0 || msIn(receivedBytes) >= OPENING_MS;
      return isOpen && receivedBytes > passedBytes;
    },
    get owesWords() {
      if (wordTimes || passedBytes <= bytesIn(known.ms)) return false;
      return wordsIn(sentenceInWork()) > told.length - known.words;
    },
    get receivedMs() {
      return msIn(receivedBytes);
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
      return isDone && letters > 0 ? msIn(receivedBytes) / letters : undefined;
    },
  };
}
