/** The end of a sentence: its mark, closing quotes, then white space; scripts without spaces need none. */
const SENTENCE_END = /[.!?…]+["'”’)\]]*\s+|[。！？]+[”’」』）]*\s*|\s*\n\s*/g;
/** Full stops that end no sentence. */
const ABBREVIATION = /(?:^|[\s(])(?:mr|mrs|ms|dr|prof|st|no|nos|vs|approx|e\.g|i\.e|\p{L})\.\s+$/iu;
/** A voice model keeps to a text of a few sentences; the speech endpoint takes ten times as much. */
const MAX_PIECE_CHARS = 400;

/**
 * Cuts text into pieces that are each spoken by themselves: sentences, joined while they are short.
 * `rest` is a word that may still go on. All of it together is `text`, but for silent pieces left out.
 */
export function takePieces(
  text: string,
  isLast: boolean,
): { readonly pieces: readonly string[]; readonly rest: string } {
  const ends = [...text.matchAll(SENTENCE_END)]
    .map((match) => match.index + match[0].length)
    .filter((end) => !ABBREVIATION.test(text.slice(0, end)));
  const isCut = isLast || /[^\p{L}\p{M}\p{N}]$/u.test(text);
  const end = isCut ? text.length : (ends.at(-1) ?? 0);
  const sentences = [0, ...ends.filter((one) => one < end), end].flatMap((from, i, all) =>
    i + 1 < all.length ? [text.slice(from, all[i + 1])] : [],
  );
  return {
    pieces: sentences
      .flatMap((sentence) => cutLong(sentence))
      .filter((piece) => isSpeakable(piece)),
    rest: text.slice(end),
  };
}

/** Whether there is anything in it to be said. */
export const isSpeakable = (text: string): boolean => /[\p{L}\p{N}]/u.test(text);

function cutLong(text: string): string[] {
  const pieces: string[] = [];
  let rest = text;
  while (rest.length > MAX_PIECE_CHARS) {
    const space = rest.lastIndexOf(' ', MAX_PIECE_CHARS);
    const end = space > 0 ? space + 1 : MAX_PIECE_CHARS;
    pieces.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return [...pieces, rest];
}
