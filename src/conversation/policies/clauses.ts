/** The end of a sentence: its mark, closing quotes, then white space; scripts without spaces need none. */
const SENTENCE_END = /[.!?…]+["'”’)\]]*\s+|[。！？]+[”’」』）]*\s*|\s*\n\s*/g;
/** The end of a part of a sentence that can be spoken alone. */
const CLAUSE_END = /[,;:—–]["'”’)\]]*\s+|[、，；：]\s*/g;
/** Full stops that end no sentence. */
const ABBREVIATION =
  /(?:^|\s)(?:mr|mrs|ms|dr|prof|st|vs|etc|approx|e\.g|i\.e|a\.m|p\.m|[a-z])\.\s+$/i;
/** "No. 5"; but "No. We are closed." */
const NUMBER_SIGN = /(?:^|\s)(?:no|nos|nr)\.\s+$/i;
/** The number of an item in a list: "1. Bread". */
const LIST_NUMBER = /(?:^\s*|[.!?:]\s+|\n\s*)\d{1,2}\.\s+$/;

/** A first piece shorter than this sounds clipped when spoken alone, and saves little. */
const FIRST_CLAUSE_MIN_CHARS = 8;
/** Speech must not wait for a model that never punctuates. */
const LONGEST_WAIT_CHARS = 160;

/**
 * Cuts what can be spoken now off a growing text. The first piece of a reply may be a clause,
 * so that the caller hears something soon; later ones are whole sentences, which sound better.
 * `ready + rest` is always `text`.
 */
export function takeClauses(
  text: string,
  isFirst: boolean,
): { readonly ready: string; readonly rest: string } {
  const sentence = lastEnd(text, SENTENCE_END);
  if (sentence > 0) return cut(text, sentence);
  if (isFirst) {
    const clause = lastEnd(text, CLAUSE_END);
    if (clause >= FIRST_CLAUSE_MIN_CHARS) return cut(text, clause);
  }
  if (text.length > LONGEST_WAIT_CHARS) {
    const clause = lastEnd(text, CLAUSE_END);
    const end = clause > 0 ? clause : lastSpace(text);
    return cut(text, end > 0 ? end : text.length);
  }
  return { ready: '', rest: text };
}

/** Where the first sentence ends, the white space behind it included; 0: its end is still to come. */
export const firstSentenceEnd = (text: string): number => endsOf(text, SENTENCE_END)[0] ?? 0;

/** Where each part of a text ends after which a speaker pauses, the white space behind it included. */
export const pauseEnds = (text: string): readonly number[] =>
  [...endsOf(text, CLAUSE_END), ...endsOf(text, SENTENCE_END)].toSorted((one, two) => one - two);

/** Everything but a last word that may still grow; for a model that has stalled. */
export const takeWords = (text: string): { readonly ready: string; readonly rest: string } =>
  cut(text, lastSpace(text));

const cut = (text: string, at: number): { ready: string; rest: string } => ({
  ready: text.slice(0, at),
  rest: text.slice(at),
});

/** Where the last boundary with something to say before it ends, 0 if there is none. */
const lastEnd = (text: string, boundary: RegExp): number => endsOf(text, boundary).at(-1) ?? 0;

/** Where each boundary with something to say before it ends. */
function endsOf(text: string, boundary: RegExp): readonly number[] {
  const ends: number[] = [];
  for (const match of text.matchAll(boundary)) {
    const at = match.index + match[0].length;
    const before = text.slice(0, at);
    if (before.trim() === '' || ABBREVIATION.test(before) || LIST_NUMBER.test(before)) continue;
    // Whether it is the sign shows in what follows, which may be still to come.
    if (NUMBER_SIGN.test(before) && /^(?:\d|$)/.test(text.slice(at))) continue;
    ends.push(at);
  }
  return ends;
}

/** Where the last word begins, 0 if there is nothing before it. */
function lastSpace(text: string): number {
  const at = /\s\S*$/.exec(text)?.index;
  return at === undefined || text.slice(0, at).trim() === '' ? 0 : at + 1;
}
