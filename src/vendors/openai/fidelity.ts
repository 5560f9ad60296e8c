/** How the words that a voice model says it spoke compare with those it was given. */
export type Comparison = {
  /** Some words are not those of the text. */
  readonly differs: boolean;
  /** The end of the text, verbatim, if the voice stopped before it; else empty. */
  readonly missingEnd: string;
};

/** Whether a transcript that is still being written begins as its text does. */
export type Opening = 'agrees' | 'deviates' | 'open';

/** This many words decide: a model that answers instead of reading, or says something first, shows by then. */
const OPENING_WORDS = 3;

export function compareOpening(text: string, transcript: string, isWhole: boolean): Opening {
  const given = wordsOf(text).slice(0, OPENING_WORDS);
  // A number may be written in many ways, and is spoken right all the same.
  if (given.some(({ word }) => /\p{N}/u.test(word))) return 'agrees';
  const said = wordsOf(transcript);
  // The last word may still grow.
  if (!isWhole && !/[^\p{L}\p{N}]$/u.test(transcript)) said.pop();
  // In place, so that an introduction before the text is none of it; any one, so that "Dr." may be "Doctor".
  if (given.some(({ word }, i) => said[i]?.word === word)) return 'agrees';
  return isWhole || said.length >= given.length ? 'deviates' : 'open';
}

/** Compares a whole transcript with its text, word by word, without case and punctuation. */
export function compareSpoken(text: string, transcript: string): Comparison {
  const given = wordsOf(text);
  const said = wordsOf(transcript);
  const table = commonWords(given, said);
  const common = table[given.length]?.[said.length] ?? 0;
  const differs = common < given.length || common < said.length;
  if (given.length === 0 || !differs) return { differs, missingEnd: '' };
  if (said.length === 0) return { differs, missingEnd: text };
  // Words said last that are not the text's: its end was put otherwise, and saying it again would double it.
  const lastIsCommon = (table[given.length]?.[said.length - 1] ?? 0) < common;
  if (!lastIsCommon) return { differs, missingEnd: '' };
  // The earliest place by which all the common words have come.
  const next = given[table.findIndex((row) => row[said.length] === common)];
  return { differs, missingEnd: next ? text.slice(next.at) : '' };
}

type Word = { readonly word: string; readonly at: number };

/** Letters and digits between anything else; an apostrophe joins. */
const wordsOf = (text: string): Word[] =>
  [...text.matchAll(/[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}\p{N}]+)*/gu)].map((match) => ({
    word: match[0].normalize('NFKC').toLowerCase().replaceAll('’', "'"),
    at: match.index,
  }));

/** Row i, column j: how many words of the first i given and the first j said are common, in order. */
function commonWords(
  given: readonly Word[],
  said: readonly Word[],
): readonly (readonly number[])[] {
  const rows: number[][] = [Array.from({ length: said.length + 1 }, () => 0)];
  for (const [i, { word }] of given.entries()) {
    const above = rows[i] ?? [];
    const row = [0];
    for (const [j, one] of said.entries())
      row.push(one.word === word ? (above[j] ?? 0) + 1 : Math.max(above[j + 1] ?? 0, row[j] ?? 0));
    rows.push(row);
  }
  return rows;
}
