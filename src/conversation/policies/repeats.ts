import type { Caller, Conversation } from '../state.ts';
import { hasWords, normalise, wordsAfter } from './words.ts';

/** A recogniser's second thoughts on words that were answered already come within this. */
const REPEAT_MS = 2_000;
/** The longest that a segment may stay open after the turn it belongs to was answered. */
const OPEN_SEGMENT_MS = 5_000;
/** The same for a recogniser that says its whole turn each time, however long. */
const OPEN_TURN_MS = 60_000;

/**
 * What of a recogniser's text is new. A turn may be recorded while the recogniser still works on its
 * words (a safety net ended it, or an interim was good enough); it says them once more, corrected or
 * with others behind them. Those are said by the recogniser and not by the caller.
 */
export function newWords(conversation: Conversation, text: string, nowMs: number): string {
  const { caller, policy } = conversation;
  const { recorded } = caller;
  const { vendorDecides } = policy.endpointing;
  const answeredAgoMs = caller.answered ? nowMs - caller.answered.atMs : Infinity;
  if (recorded !== '' && answeredAgoMs <= (vendorDecides ? OPEN_TURN_MS : OPEN_SEGMENT_MS)) {
    const rest = wordsAfter(text, recorded);
    if (rest !== undefined) return hasWords(rest) ? rest : '';
    // The same words written differently, or fewer: a correction that comes too late to matter.
    if (wordsAfter(recorded, text) !== undefined) return '';
    if (!voiceSinceAnswer(caller) && wordCount(text) <= wordCount(recorded)) return '';
    return text.trim();
  }
  const said = caller.answered?.text;
  const mayRepeat = !vendorDecides && !caller.turn && answeredAgoMs <= REPEAT_MS;
  if (mayRepeat && said !== undefined && !voiceSinceAnswer(caller) && endsWith(said, text))
    return '';
  return text.trim();
}

const voiceSinceAnswer = ({ answered, voice, voiceSinceMs }: Caller): boolean =>
  voice === 'speaking' || (answered !== null && voiceSinceMs > answered.atMs);

const wordCount = (text: string): number => normalise(text).split(' ').length;

const endsWith = (text: string, end: string): boolean =>
  ` ${normalise(text)}`.endsWith(` ${normalise(end)}`);
