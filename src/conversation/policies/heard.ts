import type { Reply } from '../state.ts';

/** Word times are rounded on their way; a sample is an eighth of this. */
const ROUNDING_MS = 1;

/**
 * The words of a reply whose audio was played to the end. Exact where the vendor gives times;
 * else as many of the words as the share of the audio that was played, rounded down.
 */
export function heardText(reply: Reply): string {
  if (reply.speechDone && reply.audioMs > 0 && reply.playedMs >= reply.audioMs - ROUNDING_MS)
    return reply.text.trim();
  if (reply.words.length > 0) {
    return reply.words
      .filter((word) => word.endMs <= reply.playedMs + ROUNDING_MS)
      .map((word) => word.text)
      .join(' ')
      .trim();
  }
  if (reply.audioMs <= 0) return '';
  return wordsOfShare(reply.text, reply.playedMs / reply.audioMs);
}

/** What the reply set out to say beyond what was heard. */
export function unheardText(reply: Reply, heard: string): string {
  const all = (reply.text + reply.unspoken).trim().split(/\s+/);
  const heardCount = heard === '' ? 0 : heard.split(/\s+/).length;
  return all.slice(heardCount).join(' ');
}

/** Where to go on after a pause: the start of the first word that was not heard to its end. */
export function resumeFromMs(reply: Reply): number {
  const next = reply.words.find((word) => word.endMs > reply.playedMs + ROUNDING_MS);
  return next ? Math.min(next.startMs, reply.playedMs) : reply.playedMs;
}

/** The words that end within the first `share` of a text, by letters. */
function wordsOfShare(text: string, share: number): string {
  const words = text.trim().split(/\s+/);
  const letters = words.reduce((sum, word) => sum + word.length + 1, 0);
  const heard: string[] = [];
  let passed = 0;
  for (const word of words) {
    passed += word.length + 1;
    if (passed > letters * share) break;
    heard.push(word);
  }
  return heard.join(' ');
}
