/**
 * Parts an agent's turn into what was heard and what was not. `heard` holds the leading words of
 * `text`, possibly with other blanks between them; where it does not, all of it counts as heard apart
 * from the text, so that nothing is struck through that might have been heard.
 */
export function partHeard(
  text: string,
  heard: string,
): { readonly heard: string; readonly unheard: string } {
  const words = heard.split(/\s+/).filter((word) => word !== '');
  let end = 0;
  for (const word of words) {
    while (/\s/.test(text.charAt(end))) end += 1;
    if (!text.startsWith(word, end)) return { heard, unheard: '' };
    end += word.length;
  }
  return { heard: text.slice(0, end).trim(), unheard: text.slice(end).trim() };
}
