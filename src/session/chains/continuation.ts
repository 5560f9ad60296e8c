import type { ThinkRequest } from '#contracts/language-model.ts';
import { normalise } from '#conversation/policies/words.ts';

/** So many of the last words are quoted where the answer broke off. */
const QUOTED_WORDS = 12;
/** Fewer words that are alike may be meant: "very, very". */
const LEAST_OVERLAP_WORDS = 2;

/** What a model is asked so that it goes on with another's answer after `given`. */
export function continuationOf(request: ThinkRequest, given: string): ThinkRequest {
  const text = given.trim();
  if (text === '') return request;
  const end = text.split(/\s+/).slice(-QUOTED_WORDS).join(' ');
  return {
    ...request,
    context: [
      ...request.context,
      { role: 'agent', text },
      {
        role: 'note',
        text:
          `Your answer broke off after "${end}". The caller has heard it up to there and is waiting. ` +
          'Write only what comes next, starting with the very next word: do not repeat, greet, apologise or comment.',
      },
    ],
  };
}

/** Lets what a model goes on with pass, without the words of the answer so far that it says again. */
export type Joiner = {
  push(text: string): string;
  /** There is no more. */
  end(): string;
};

export function createJoiner(given: string): Joiner {
  let buffer: string | undefined = given.trim() === '' ? undefined : '';
  const settle = (isAll: boolean): string => {
    if (buffer === undefined) return '';
    const joined = joinAfter(given, buffer, isAll);
    if (joined === undefined) return '';
    buffer = undefined;
    return joined;
  };
  return {
    push(text) {
      if (buffer === undefined) return text;
      buffer += text;
      return settle(false);
    },
    end: () => settle(true),
  };
}

type Word = { readonly text: string; readonly end: number };

/** Its words as they compare, and where each ends, the white space behind it included. */
const wordsOf = (text: string): readonly Word[] =>
  [...text.matchAll(/\S+\s*/g)]
    .map((match) => ({ text: normalise(match[0]), end: match.index + match[0].length }))
    .filter((word) => word.text !== '');

/**
 * What of `next` is new after `given`: without its first words if they are the last of `given`, or all
 * of them. Undefined: that shows only in what is still to come (`isAll` says that nothing is).
 */
export function joinAfter(given: string, next: string, isAll: boolean): string | undefined {
  const before = wordsOf(given).map(({ text }) => text);
  // A last word may still grow.
  const after = wordsOf(isAll ? next : next.slice(0, lastSpace(next)));
  if (after.length === 0) return isAll ? next.trimStart() : undefined;
  let overlap = 0;
  let isInside = false;
  for (let start = 0; start < before.length; start++) {
    const end = before.slice(start);
    const length = Math.min(end.length, after.length);
    if (end.slice(0, length).some((word, index) => word !== after[index]?.text)) continue;
    if (end.length <= after.length) overlap = Math.max(overlap, end.length);
    else isInside = true;
  }
  if (isInside && !isAll) return undefined;
  if (isInside && after.length >= LEAST_OVERLAP_WORDS) return '';
  const isRepeated = overlap >= LEAST_OVERLAP_WORDS || overlap === before.length;
  const rest = isRepeated ? next.slice(after[overlap - 1]?.end ?? 0) : next;
  return /\s$/.test(given) ? rest.trimStart() : rest;
}

const lastSpace = (text: string): number => /\s\S*$/.exec(text)?.index ?? 0;

/** Scripts that put no spaces between words. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/u;

/** Whole words, and a last one that may still grow: another model could not go on in the middle of it. */
export function wholeWords(text: string): { readonly whole: string; readonly rest: string } {
  const at = /\S*$/.exec(text)?.index ?? text.length;
  return UNSPACED.test(text.slice(at))
    ? { whole: text, rest: '' }
    : { whole: text.slice(0, at), rest: text.slice(at) };
}
