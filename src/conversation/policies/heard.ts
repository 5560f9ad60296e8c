import type { Reply } from '../state.ts';

/** Word times are rounded on their way; a sample is an eighth of this. */
const ROUNDING_MS = 1;
/**
 * Nobody misses so little of the end of a word: it counts as heard without it. The phone network cuts
 * where its packets end, every 20 ms, so one word in seven would be lost to less than this.
 */
export const WORD_EDGE_MS = 3;
/** A slow speaker's time for a letter: an estimate that claims too little rather than too much. */
const MS_PER_LETTER = 80;

/** Whether the last sample that there will ever be was played. */
export const isAllHeard = (reply: Reply): boolean =>
  reply.speechDone && reply.heardSinceMs !== null && reply.playedMs >= reply.audioMs - ROUNDING_MS;

/**
 * The words of a reply whose audio was played to the end. Exact where the vendor gives times;
 * else as many of the words as the share of the audio that was played, rounded down.
 */
export function heardText(reply: Reply): string {
  if (reply.heardSinceMs === null) return '';
  if (isAllHeard(reply)) return reply.text.trim();
  if (reply.words.length > 0) {
    return reply.words
      .filter((word) => word.endMs <= reply.playedMs + WORD_EDGE_MS)
      .map((word) => word.text)
      .join(' ')
      .trim();
  }
  return wordsOfShare(reply);
}

/** What the reply set out to say beyond what was heard. */
export function unheardText(reply: Reply, heard: string): string {
  const all = (reply.text + reply.unspoken).trim().split(/\s+/);
  const heardCount = heard === '' ? 0 : heard.split(/\s+/).length;
  return all.slice(heardCount).join(' ');
}

/** Where to go on after a pause: the start of the first word that was not heard to its end. */
export function resumeFromMs(reply: Reply): number {
  const next = reply.words.find((word) => word.endMs > reply.playedMs + WORD_EDGE_MS);
  return next ? Math.max(0, Math.min(next.startMs, reply.playedMs)) : reply.playedMs;
}

/** The words that end within the share of the audio that was played, by letters. */
function wordsOfShare(reply: Reply): string {
  const words = reply.text.trim().split(/\s+/);
  const letters = words.reduce((sum, word) => sum + word.length + 1, 0);
  // While audio is still being made, nobody knows how much of the text it holds.
  const wholeMs = reply.speechDone
    ? reply.audioMs
    : Math.max(reply.audioMs, letters * MS_PER_LETTER);
  const heardLetters = wholeMs > 0 ? letters * (reply.playedMs / wholeMs) : 0;
  const heard: string[] = [];
  let passed = 0;
  for (const word of words) {
    passed += word.length + 1;
    if (passed > heardLetters) break;
    heard.push(word);
  }
  return heard.join(' ');
}
