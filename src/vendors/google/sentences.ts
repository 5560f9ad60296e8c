/** Text cut behind its last whole sentence. Both parts together are the text. */
export type Cut = { readonly whole: string; readonly rest: string };

/** A sentence's end with the space behind it, or at the end of the text behind a letter: `3.` may go on. */
const END = /[.!?…]+["'”’)\]]*(?:\s+|(?<=\p{L}[.!?…]+["'”’)\]]*)$)|[。！？]+[」』”’]*\s*/gu;
const ABBREVIATION = /(?:^|[\s(])(?:Dr|Mr|Mrs|Ms|Prof|St|No|vs|etc|approx|e\.g|i\.e|\p{Lu})\.\s*$/u;
/** The service takes 5,000 bytes at once; a sentence that long is none, and is not waited for. */
const MAX_CHARS = 600;

/** The service speaks whole sentences: half of one would sound like the end of one. */
export function cutSentences(text: string): Cut {
  let end = 0;
  for (const match of text.matchAll(END)) {
    const until = match.index + match[0].length;
    if (!ABBREVIATION.test(text.slice(0, until))) end = until;
  }
  if (text.length - end > MAX_CHARS) {
    const space = text.lastIndexOf(' ', end + MAX_CHARS);
    end = space > end ? space + 1 : end + MAX_CHARS;
  }
  return { whole: text.slice(0, end), rest: text.slice(end) };
}
