/** Words as they compare: small letters, without punctuation. */
export const tokensOf = (text: string): readonly string[] =>
  text
    .toLowerCase()
    .split(/\s+/)
    .map((word) => word.replaceAll(/[^\p{L}\p{N}'-]/gu, ''))
    .filter((word) => word !== '');
