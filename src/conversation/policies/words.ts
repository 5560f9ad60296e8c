/** Words as they compare: lower case, without punctuation, single spaces. */
export const normalise = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}' -]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();

/** Whether there is anything in a text that can be said or understood: a letter or a digit. */
export const hasWords = (text: string): boolean => /[\p{L}\p{N}]/u.test(text);

/** What people say to show that they listen, not to take the floor. English only. */
const BACKCHANNELS: ReadonlySet<string> = new Set(
  (
    'mm mmm mhm mhmm mmhm mmhmm hm hmm uh uhhuh huh um ah aha oh ' +
    'yeah yep yup yes right ok okay sure alright'
  ).split(' '),
);
/** Also as far as they have been heard: an interim may stop in the middle. */
const BACKCHANNEL_PHRASES = /\b(?:(?:i see|got it|all right)\b|(?:i|got|all)$)/g;

const wordsOf = (normalised: string): readonly string[] =>
  normalised.split(/[ -]+/).filter((word) => word !== '');

/** Whether all that was said is a sign of listening: "mm-hm", "yeah, okay". */
export const isBackchannel = (text: string): boolean =>
  wordsOf(normalise(text).replace(BACKCHANNEL_PHRASES, ' ')).every((word) =>
    BACKCHANNELS.has(word),
  );

const CLOSING_PHRASES =
  /\b(?:(?:good ?bye|bye|thank you(?: so| very)?(?: much)?|thanks(?: a lot| so much)?|you too|take care|see you(?: later| soon)?|(?:have )?a (?:nice|good|great|lovely) (?:day|evening|night|weekend|one))\b|(?:good|thank|thanks a|thanks so|you|take|see|have|(?:have )?a(?: nice| good| great| lovely)?)$)/g;

/** Whether all that was said belongs to parting: "okay, thank you, bye". It stops no farewell. */
export function isClosing(text: string): boolean {
  const words = normalise(text);
  const rest = words.replace(CLOSING_PHRASES, ' ');
  return rest !== words && isBackchannel(rest);
}

/** Nobody's sentence ends on one of these, whatever punctuation a recogniser puts there. */
const NEVER_LAST: ReadonlySet<string> = new Set(
  (
    'a an the and or but because if while which whose than my your our their ' +
    "um uh er erm hmm i'm i'd i'll it's there's he's she's we're they're"
  ).split(' '),
);
/** What is asked for is still to come: "my number is". */
const ANNOUNCEMENT =
  /\b(?:number|name|address|e-?mail|code|date|birthday|birth|postcode|zip|pin) is$/;
/** A sentence hardly ends on one of these, unless a full stop says so. */
const SELDOM_LAST: ReadonlySet<string> = new Set(
  (
    'so when that who as to of for with from at in on by into about over under between without ' +
    "his her its these those some any every each is are was were am be been that's " +
    'i we they he she have has had do does did can could will would should may might must ' +
    'like maybe perhaps just very really'
  ).split(' '),
);

/**
 * Whether more is likely to come after a pause. Judges by the last words and the punctuation only: a
 * recogniser that punctuates ends a finished sentence with a mark, but also many an unfinished one
 * with a full stop, so some words outweigh it. English only; other languages go by punctuation.
 */
export function soundsUnfinished(text: string): boolean {
  const trimmed = text.trim();
  if (/[,;:\-–—…]$/.test(trimmed) || trimmed.endsWith('..')) return true;
  if (trimmed.endsWith('?')) return false;
  const words = normalise(trimmed);
  const last = words.split(' ').at(-1) ?? '';
  if (NEVER_LAST.has(last) || ANNOUNCEMENT.test(words)) return true;
  return !/[.!]["'”’)\]]*$/.test(trimmed) && SELDOM_LAST.has(last);
}

/**
 * What follows the words of `start` in `text`, however they are written; undefined where `text` does
 * not begin with them. "Two, please" after "two" is "please".
 */
export function wordsAfter(text: string, start: string): string | undefined {
  const wanted = normalise(start);
  const words = text.trim().split(/\s+/);
  let passed = '';
  for (const [index, word] of words.entries()) {
    if (passed === wanted) return words.slice(index).join(' ');
    passed = [passed, normalise(word)].filter((part) => part !== '').join(' ');
    if (!wanted.startsWith(passed)) return undefined;
  }
  return passed === wanted ? '' : undefined;
}
