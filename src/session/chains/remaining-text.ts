/** How far ahead a spoken word is looked for where the text says something else first. */
const LOOK_AHEAD_TOKENS = 8;

type Token = { readonly letters: string; readonly start: number; readonly end: number };

/** Letters and digits alone, as they compare. */
const lettersOf = (text: string): string =>
  text.toLowerCase().replaceAll(/[^\p{L}\p{M}\p{N}]/gu, '');

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(/[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}\p{N}]+)*/gu))
    tokens.push({
      letters: lettersOf(match[0]),
      start: match.index,
      end: match.index + match[0].length,
    });
  return tokens;
}

/**
 * Where in `text` to go on after `words` of it were spoken: the start of the next word, with the sign
 * or the opening quote before it; the text's length if there is none. Vendors write words in their own
 * way, some spell numbers out: what cannot be found is passed over as soon as a later word is found.
 */
export function positionAfter(text: string, words: readonly string[]): number {
  const tokens = tokensOf(text);
  let at = 0;
  /** Letters of `tokens[at]` that were spoken: a vendor may cut "well-known" elsewhere than we do. */
  let within = 0;
  let unknown = 0;

  const consume = (from: number, offset: number, letters: string): boolean => {
    let token = from;
    let start = offset;
    let rest = letters;
    while (rest !== '') {
      const open = tokens[token]?.letters.slice(start);
      if (open === undefined) return false;
      if (open.startsWith(rest)) {
        const ends = open.length === rest.length;
        at = ends ? token + 1 : token;
        within = ends ? 0 : start + rest.length;
        return true;
      }
      if (!rest.startsWith(open)) return false;
      rest = rest.slice(open.length);
      token++;
      start = 0;
    }
    return false;
  };
  const find = (letters: string): boolean => {
    if (consume(at, within, letters)) return true;
    for (let ahead = at + 1; ahead <= at + LOOK_AHEAD_TOKENS; ahead++)
      if (tokens[ahead]?.letters === letters) return consume(ahead, 0, letters);
    return false;
  };

  for (const word of words) {
    const letters = lettersOf(word);
    if (letters === '') continue;
    unknown = find(letters) ? 0 : unknown + 1;
  }
  // The last words are in the text in another spelling: one word for one, several for a number.
  while (unknown > 0 && at < tokens.length) {
    const digits = tokens[at]?.letters.replaceAll(/\D/g, '').length ?? 0;
    unknown -= Math.max(1, digits);
    if (unknown < 0) break;
    at++;
    within = 0;
  }
  return startOf(text, tokens, at, within);
}

function startOf(text: string, tokens: readonly Token[], at: number, within: number): number {
  const token = tokens[at];
  if (!token) return text.length;
  if (within > 0) {
    let letters = 0;
    for (let index = token.start; index < token.end; index++) {
      if (letters >= within) return index;
      letters += lettersOf(text[index] ?? '').length;
    }
    return token.end;
  }
  const before = text.slice(tokens[at - 1]?.end ?? 0, token.start);
  const own = /[^\s]*$/.exec(before)?.[0] ?? '';
  // Punctuation that hangs on the word before belongs to it.
  return own.length === before.length && at > 0 ? token.start : token.start - own.length;
}
