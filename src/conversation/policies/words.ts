/** Words as they compare: lower case, without punctuation, single spaces. */
export const normalise = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}' -]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();

/** What people say to show that they listen, not to take the floor. */
const BACKCHANNELS: ReadonlySet<string> = new Set([
  'mm',
  'mhm',
  'mmhm',
  'mm-hm',
  'mm hm',
  'mmm',
  'hm',
  'hmm',
  'uh-huh',
  'uh huh',
  'uhhuh',
  'ah',
  'aha',
  'oh',
  'yeah',
  'yep',
  'yes',
  'right',
  'ok',
  'okay',
  'i see',
  'sure',
  'uh',
  'um',
]);

/** Whether all that was said is a sign of listening: "mm-hm", "yeah, okay". */
export function isBackchannel(text: string): boolean {
  const words = normalise(text);
  if (words === '' || BACKCHANNELS.has(words)) return true;
  return words.split(' ').every((word) => BACKCHANNELS.has(word));
}

/** A sentence hardly ends on one of these. */
const UNFINISHED_ENDS: ReadonlySet<string> = new Set(
  (
    'a an the and or but so because if when while that which who whose than as ' +
    'to of for with from at in on by into about over under between without ' +
    'my your his her its our their this these those some any every each ' +
    "is are was were am be been i'm i'd i'll it's that's there's he's she's we're they're " +
    'i you we they he she have has had do does did can could will would should may might must ' +
    'um uh er erm hmm like maybe perhaps just very really'
  ).split(' '),
);

/**
 * Whether more is likely to come after a pause. Judges by the last word and punctuation only: a
 * recogniser that punctuates ends a finished sentence with a full stop, and nobody's sentence ends on "and".
 */
export function soundsUnfinished(text: string): boolean {
  const trimmed = text.trim();
  if (/[,;:\-–—…]$/.test(trimmed) || trimmed.endsWith('...')) return true;
  const last = normalise(trimmed).split(' ').at(-1) ?? '';
  return UNFINISHED_ENDS.has(last);
}
