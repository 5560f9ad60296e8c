import type { WordTime } from '#contracts/text-to-speech.ts';

/** The time of a letter, the space behind a word included, of a voice that was not measured yet. */
export const USUAL_MS_PER_LETTER = 70;

export const wordsOf = (text: string): readonly string[] =>
  text.split(/\s+/).filter((word) => word !== '');

export const wordsIn = (text: string): number => wordsOf(text).length;

/** What the length of a text is measured in: its letters, and one for each gap between words. */
export const lettersIn = (text: string): number =>
  wordsOf(text).reduce((sum, word) => sum + word.length + 1, 0);

/**
 * The words of `text`, from the `fromWord`-th, that audio up to `untilMs` holds if each letter takes
 * `msPerLetter`. Times count from where `text` began.
 */
export function wordsAtPace(
  text: string,
  fromWord: number,
  untilMs: number,
  msPerLetter: number,
): readonly WordTime[] {
  const words: WordTime[] = [];
  let atMs = 0;
  for (const [index, word] of wordsOf(text).entries()) {
    const startMs = atMs;
    atMs += (word.length + 1) * msPerLetter;
    if (atMs > untilMs) break;
    if (index >= fromWord) words.push({ text: word, startMs, endMs: atMs });
  }
  return words;
}
