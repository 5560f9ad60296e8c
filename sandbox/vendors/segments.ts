export type Split = {
  /** Each is to be spoken as one piece; verbatim, with the spaces after it. */
  readonly segments: readonly string[];
  /** To be kept until more text comes. */
  readonly rest: string;
};

/** A sentence's end with the space that proves it, or at the end of the text after a letter: `3.` may go on. */
const SENTENCE_END = /[.!?…]+["')\]]*(?:\s+|(?<=\p{L}[.!?…]+["')\]]*)$)/gu;
const CLAUSE_END = /[,;:—]["')\]]*\s+/gu;
const ABBREVIATION = /(?:^|\s)(?:Dr|Mr|Mrs|Ms|St|No|vs|etc|\p{Lu})\.\s*$/u;
/** A clause this short is not worth an intonation of its own. */
const MIN_CLAUSE_WORDS = 4;

/** Cuts buffered text where a streaming engine dares to begin to speak: after sentences, and after clauses of some length. */
export function splitSpeech(text: string): Split {
  const ends = [
    ...endsOf(text, SENTENCE_END).filter((end) => !ABBREVIATION.test(text.slice(0, end))),
    ...endsOf(text, CLAUSE_END),
  ].toSorted((left, right) => left - right);
  const sentenceEnds = new Set(endsOf(text, SENTENCE_END));
  const segments: string[] = [];
  let from = 0;
  for (const end of ends) {
    const segment = text.slice(from, end);
    if (!sentenceEnds.has(end) && segment.trim().split(/\s+/).length < MIN_CLAUSE_WORDS) continue;
    segments.push(segment);
    from = end;
  }
  return { segments, rest: text.slice(from) };
}

/** Cuts text that is complete: after sentences only, and all of it is spoken. */
export function splitAll(text: string): readonly string[] {
  const segments: string[] = [];
  let from = 0;
  for (const end of endsOf(text, SENTENCE_END)) {
    if (ABBREVIATION.test(text.slice(0, end))) continue;
    segments.push(text.slice(from, end));
    from = end;
  }
  if (from < text.length) segments.push(text.slice(from));
  return segments;
}

/** Whether there is anything in it to be said. */
export const isSpeakable = (text: string): boolean => /[\p{L}\p{N}]/u.test(text);

const endsOf = (text: string, end: RegExp): readonly number[] =>
  [...text.matchAll(end)].map((match) => match.index + match[0].length);
