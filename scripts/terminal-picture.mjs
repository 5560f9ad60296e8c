// Turns what a program wrote to a terminal into a picture that a README can show:
//
//   FORCE_COLOR=1 npm -s start | tee call.ansi      (Ctrl-C when it is done)
//   node scripts/terminal-picture.mjs < call.ansi > docs/terminal.svg
//
// Knows the colours and styles of ANSI that the demo uses; other escape sequences are left out.
import { readFileSync } from 'node:fs';

const COLUMNS = 126;
const CHAR_PX = 7.85;
const LINE_PX = 18;
const PADDING_PX = 16;
const BAR_PX = 30;
const COLOURS = {
  30: '#484f58',
  31: '#ff7b72',
  32: '#7ee787',
  33: '#e3b341',
  34: '#79c0ff',
  35: '#d2a8ff',
  36: '#76e3ea',
  37: '#e6edf3',
};
const PLAIN = { colour: undefined, isBold: false, isDim: false, isStruck: false };

const lines = readFileSync(0, 'utf8')
  .trimEnd()
  .split('\n')
  .flatMap((line) => wrap(spansOf(line)));
process.stdout.write(svg(lines));

/** One line as pieces of text with one style each. */
function spansOf(line) {
  const [first = '', ...others] = line.split('\u001B[');
  const spans = [{ text: first, style: PLAIN }];
  let style = PLAIN;
  for (const piece of others) {
    const [sequence = '', codes = '', kind] = /^([0-9;?]*)([A-Za-z])/.exec(piece) ?? [];
    if (kind === 'm') for (const code of codes.split(';')) style = styled(style, Number(code));
    spans.push({ text: piece.slice(sequence.length), style });
  }
  return spans.filter(({ text }) => text !== '');
}

function styled(style, code) {
  if (code === 0) return PLAIN;
  if (code === 1) return { ...style, isBold: true };
  if (code === 2) return { ...style, isDim: true };
  if (code === 9) return { ...style, isStruck: true };
  if (code === 22) return { ...style, isBold: false, isDim: false };
  if (code === 29) return { ...style, isStruck: false };
  if (code === 39) return { ...style, colour: undefined };
  return code in COLOURS ? { ...style, colour: COLOURS[code] } : style;
}

/** Breaks a line that is wider than the picture as a terminal does, but between words. */
function wrap(spans) {
  const rows = [[]];
  let used = 0;
  for (const { text, style } of spans)
    for (const word of text.split(/(?<= )/)) {
      if (used > 0 && used + word.trimEnd().length > COLUMNS) {
        rows.push([]);
        used = 0;
      }
      rows.at(-1).push({ text: word, style, column: used });
      used += word.length;
    }
  return rows;
}

function svg(rows) {
  const width = Math.round(COLUMNS * CHAR_PX + 2 * PADDING_PX);
  const height = BAR_PX + rows.length * LINE_PX + PADDING_PX;
  const buttons = ['#ff5f57', '#febc2e', '#28c840']
    .map((colour, index) => `<circle cx="${20 + index * 20}" cy="16" r="6" fill="${colour}"/>`)
    .join('');
  const body = rows
    .map((row, index) => textOf(row, BAR_PX + (index + 1) * LINE_PX - 4))
    .filter((text) => text !== '')
    .join('\n');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="npm start in a terminal: a call from greeting to goodbye">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${buttons}
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13" fill="#c9d1d9" xml:space="preserve">
${body}
</g>
</svg>
`;
}

/** Every piece has its own place and width, so that columns stay columns whatever the font. */
function textOf(row, y) {
  return joined(row)
    .filter(({ text }) => text.trim() !== '')
    .map(({ text, style, column }) => {
      const start = text.length - text.trimStart().length;
      const shown = text.trim();
      const x = (PADDING_PX + (column + start) * CHAR_PX).toFixed(1);
      const width = (shown.length * CHAR_PX).toFixed(1);
      return `<text x="${x}" y="${y}" textLength="${width}" lengthAdjust="spacingAndGlyphs"${attributesOf(style)}>${escaped(shown)}</text>`;
    })
    .join('');
}

/** Neighbours of one style as one piece. */
function joined(row) {
  const spans = [];
  for (const span of row) {
    const last = spans.at(-1);
    if (last?.style === span.style) last.text += span.text;
    else spans.push({ ...span });
  }
  return spans;
}

function attributesOf({ colour, isBold, isDim, isStruck }) {
  return [
    colour && ` fill="${colour}"`,
    isBold && ' font-weight="bold"',
    isDim && ' opacity="0.6"',
    isStruck && ' text-decoration="line-through"',
  ]
    .filter(Boolean)
    .join('');
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
