import type { Conversation, Reply } from '../state.ts';
import { isLineTaken, turnText } from '../state.ts';
import { isBackchannel, isClosing } from './words.ts';

/** Words that come when no more than this of the agent's are still to be heard answer them. */
export const ANSWER_OVERLAP_MS = 1_200;

/** Whether what the caller has said, or pressed, takes the floor from what the agent is saying. */
export function claimsFloor({ reply, caller, policy }: Conversation): boolean {
  const { turn } = caller;
  if (!reply || reply.audio.is === 'held' || isLineTaken(reply)) return false;
  // Nobody presses a key by accident while listening.
  if (caller.keys !== '' && reply.interruptible) return true;
  if (!turn) return false;
  // Until an answer is heard the caller is simply not finished: any word counts.
  if (reply.kind === 'answer' && reply.heardSinceMs === null) return true;
  if (turn.isTyped && reply.interruptible) return true;
  if (!reply.interruptible || !policy.bargeIn.enabled) return false;
  const text = turnText(turn);
  if (reply.afterwards === 'end' && isClosing(text)) return false;
  if (!isBackchannel(text)) return true;
  // Who is asked whether they are there says so with any word.
  if (reply.kind === 'prompt') return true;
  if (turn.nearEnd && reply.text.trim().endsWith('?')) return true;
  // Said into a silence that the agent then broke itself: it listened to nothing.
  return (
    reply.kind !== 'answer' && (reply.heardSinceMs === null || turn.startMs < reply.heardSinceMs)
  );
}

/** Whether a reply has almost been heard. */
export const isNearEnd = (reply: Reply | null): boolean =>
  reply !== null &&
  reply.audio.is !== 'held' &&
  reply.speechDone &&
  reply.audioMs - reply.playedMs <= ANSWER_OVERLAP_MS;
