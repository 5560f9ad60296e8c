import type { Transcript } from '#contracts/words-transport.ts';
import { normalise } from '#conversation/policies/words.ts';

/** One word of a speech, and when it would end if all of it were spoken without a pause. */
export type SpeechWord = {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
};

/** A usual speaker's time for a letter. Only for guesses: nobody tells how long a speech takes. */
const MS_PER_LETTER = 65;

/** The words of a text that is spoken after `fromMs`. */
export function wordsOfText(text: string, fromMs: number): readonly SpeechWord[] {
  let endMs = fromMs;
  return text
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => {
      const startMs = endMs;
      endMs += (word.length + 1) * MS_PER_LETTER;
      return { text: word, startMs, endMs };
    });
}

/** Scripts that put no spaces between words: every letter counts as one. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;

/** A text as two ways of writing it down agree: by words without case, punctuation and hyphens. */
export const tokensOf = (text: string): readonly string[] =>
  normalise(text)
    .replaceAll("'", '')
    .split(/[ -]+/)
    .flatMap((word) => (UNSPACED.test(word) ? Array.from(word) : word))
    .filter((token) => token !== '');

/** Stands between what the agent said before somebody else was heard and after it. */
export const BREAK = '|';

/** Everything that the agent was heard to say, in tokens, with a `BREAK` wherever it was cut in upon. */
export function spokenTokens(transcript: Transcript): readonly string[] {
  const tokens: string[] = [];
  let isBroken = false;
  for (const said of transcript) {
    if (said.role === 'caller') isBroken = tokens.length > 0;
    if (said.role !== 'agent') continue;
    if (isBroken) tokens.push(BREAK);
    isBroken = false;
    tokens.push(...tokensOf(said.text));
  }
  return tokens;
}

/** Before a speech begins, so much of what was said before it may still come in. */
const MAX_BEFORE = 60;
/** Where two ways of writing differ in the middle ("5 dollars", "five dollars"), it is by this much. */
const MAX_ASIDE = 3;

/**
 * How many words of a speech stand in what was spoken, which begins with it, or with the rest of what
 * was spoken before. It errs on the side of too few: where a speech that was cut in upon goes on
 * without the words that were cut, those before are all that counts.
 */
export function countSpoken(speech: readonly SpeechWord[], spoken: readonly string[]): number {
  const ends: number[] = [];
  const tokens: string[] = [];
  for (const word of speech) {
    tokens.push(...tokensOf(word.text));
    ends.push(tokens.length);
  }
  const reached = reachedToken(tokens, spoken);
  if (reached === 0) return 0;
  return ends.filter((end) => end <= reached).length;
}

/** How many tokens of the speech, from its first, were spoken. */
function reachedToken(tokens: readonly string[], spoken: readonly string[]): number {
  let reached = 0;
  let at = 0;
  while (reached < tokens.length && at < spoken.length) {
    if (tokens[reached] === spoken[at]) {
      reached += 1;
      at += 1;
      continue;
    }
    if (spoken[at] === BREAK && (reached === 0 || tokens[reached] === spoken[at + 1])) {
      at += 1;
      continue;
    }
    const jump = jumpTo(tokens, reached, spoken, at);
    if (!jump) break;
    reached += jump.tokens;
    at += jump.spoken;
  }
  return reached;
}

/** Where both go on alike, by two words in a row: one may be there by chance. */
function jumpTo(
  tokens: readonly string[],
  from: number,
  spoken: readonly string[],
  at: number,
): { readonly tokens: number; readonly spoken: number } | undefined {
  const isAlike = (i: number, j: number): boolean =>
    tokens[i] !== undefined &&
    tokens[i] === spoken[j] &&
    (tokens[i + 1] === undefined || tokens[i + 1] === spoken[j + 1]);
  const [mostSkipped, mostMissed] = from === 0 ? [MAX_BEFORE, 0] : [MAX_ASIDE, MAX_ASIDE];
  const breakAt = from === 0 ? -1 : spoken.indexOf(BREAK, at);
  const mostInside = breakAt < 0 ? mostSkipped : Math.min(mostSkipped, breakAt - at - 1);
  for (let missed = 0; missed <= mostMissed; missed++)
    for (let skipped = 1; skipped <= mostInside; skipped++)
      if (isAlike(from + missed, at + skipped)) return { tokens: missed, spoken: skipped };
  return undefined;
}
