/** Whether there is anything in it to be said; blanks and punctuation alone make no sound. */
export const isSpeakable = (text: string): boolean => /[\p{L}\p{N}]/u.test(text);

/**
 * How much of `text`, in characters, may be sent. Each message is spoken by itself, so it must not end
 * within a word: it ends with white space, or with punctuation that no word or number goes on after.
 */
export function sendableLength(text: string): number {
  if (SENTENCE_END.test(text)) return text.length;
  for (let at = text.length; at > 0; at--) if (/\s/.test(text[at - 1] ?? '')) return at;
  return 0;
}

/** At the end of the text; `3.` may become `3.5`, and `$1,` `$1,000`. */
const SENTENCE_END = /(?:(?<!\d)[.,:]|[!?;…]|[。！？，、；：])["'’”»)\]]*$/u;

/** Characters that are spoken or written, not what is between them. */
export const characterCount = (text: string): number => text.replaceAll(/\s/g, '').length;
