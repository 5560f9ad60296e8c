/** The end of a sentence: its mark, closing quotes, then white space. */
const SENTENCE_END = /[.!?…]+["'”’)\]]*\s+/g;
/** The end of a part of a sentence that can be spoken alone. */
const CLAUSE_END = /[,;:—–]["'”’)\]]*\s+/g;
/** Full stops that end no sentence. */
const ABBREVIATION = /(?:^|\s)(?:mr|mrs|ms|dr|prof|st|no|vs|etc|e\.g|i\.e|a\.m|p\.m|[a-z])\.\s+$/i;

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
    return cut(text, clause > 0 ? clause : text.lastIndexOf(' ') + 1);
  }
  return { ready: '', rest: text };
}

const cut = (text: string, at: number): { ready: string; rest: string } => ({
  ready: text.slice(0, at),
  rest: text.slice(at),
});

/** Where the last boundary ends, 0 if there is none. */
function lastEnd(text: string, boundary: RegExp): number {
  let end = 0;
  for (const match of text.matchAll(boundary)) {
    const at = match.index + match[0].length;
    if (!ABBREVIATION.test(text.slice(0, at))) end = at;
  }
  return end;
}
