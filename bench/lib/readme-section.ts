const START = '<!-- figures: written by npm run bench:readme -->';
const END = '<!-- end of figures -->';

/** The page with its figures replaced. Throws where the page has no place for them. */
export function withFigures(page: string, figures: string): string {
  const start = page.indexOf(START);
  const end = page.indexOf(END);
  if (start < 0 || end < start) throw new Error(`README.md has no ${START} … ${END}`);
  return `${page.slice(0, start + START.length)}\n\n${figures}\n\n${page.slice(end)}`;
}
