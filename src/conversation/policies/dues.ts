import type { CallerTurn, Conversation, Reply } from '../state.ts';
import { turnText } from '../state.ts';
import type { TimerName } from '../timer-name.ts';
import { isBackchannel, soundsUnfinished } from './words.ts';

/** Words must have stood still this long before they count as all. */
const STABLE_MS = 60;
/** How much longer to wait for words the recogniser may still change. */
const INTERIM_GRACE_MS = 300;
/** A listening sign needs no second thought. */
const RESUME_AFTER_BACKCHANNEL_MS = 250;
/** Noise that never stops pauses the agent at most this many times as long as silence would. */
const NOISE_PATIENCE = 4;
/** Longest pause between keys of one number. */
const KEYS_MS = 1_500;
/** A farewell takes at most this long. */
const ENDING_MS = 30_000;

type Dues = Partial<Record<TimerName, number>>;

/** When each timer of a conversation is due: the whole timing policy as a function of the state. */
export function dues(conversation: Conversation): Dues {
  const { phase, reply, caller, policy } = conversation;
  const due: Dues = {};
  if (phase.name === 'waiting' || phase.name === 'ended') return due;
  if (reply) {
    const deadAirMs = deadAirDueMs(reply, policy.deadAirMs);
    if (deadAirMs !== undefined) due['dead-air'] = deadAirMs;
  }
  if (phase.name === 'ending') {
    due.ending = phase.sinceMs + ENDING_MS;
    return due;
  }
  due['max-duration'] = policy.maxCallMs;
  if (caller.keys !== '') due.keys = caller.keysSinceMs + KEYS_MS;

  const bargeInMs = bargeInDueMs(conversation);
  if (bargeInMs !== undefined) due['barge-in'] = bargeInMs;
  if (reply?.audio.is === 'paused') due.resume = resumeDueMs(conversation, reply.audio.sinceMs);

  if (caller.turn && caller.voice === 'silent' && mayAnswer(reply)) {
    const text = turnText(caller.turn);
    if (text !== '') {
      due.endpoint = endpointDueMs(conversation, caller.turn, text);
      if (!policy.endpointing.vendorDecides && policy.speculation && !reply)
        due.eager = Math.max(
          caller.turn.speechEndMs + policy.endpointing.eagerSilenceMs,
          caller.turn.changedMs + STABLE_MS,
        );
    }
  }
  if (!reply && !caller.turn && caller.voice === 'silent' && caller.keys === '')
    due.idle = conversation.quietSinceMs + policy.idle.promptAfterMs;
  return due;
}

/** Whether a turn that ends now would be answered: nothing is being said, or only prepared on trial. */
export const mayAnswer = (reply: Reply | null): boolean => !reply || reply.audio.is === 'held';

function endpointDueMs(conversation: Conversation, turn: CallerTurn, text: string): number {
  const { endpointing } = conversation.policy;
  if (turn.ended) return turn.speechEndMs;
  if (endpointing.vendorDecides)
    return Math.max(turn.speechEndMs, turn.changedMs) + endpointing.vendorEndTimeoutMs;
  const silenceMs = soundsUnfinished(text)
    ? endpointing.unfinishedSilenceMs
    : endpointing.silenceMs;
  const graceMs = turn.interim === '' ? 0 : INTERIM_GRACE_MS;
  return Math.max(turn.speechEndMs + silenceMs + graceMs, turn.changedMs + STABLE_MS);
}

/** Only a voice that came up after the agent was due to speak interrupts it; what went on before is the turn being answered. */
function bargeInDueMs(conversation: Conversation): number | undefined {
  const { reply, caller, policy } = conversation;
  if (!reply || reply.audio.is !== 'flowing' || reply.dueSinceMs === null) return undefined;
  if (!policy.bargeIn.enabled || !reply.interruptible || caller.voice !== 'speaking')
    return undefined;
  if (caller.voiceSinceMs < reply.dueSinceMs) return undefined;
  return caller.voiceSinceMs + policy.bargeIn.minSpeechMs;
}

function resumeDueMs(conversation: Conversation, pausedSinceMs: number): number {
  const { caller, policy } = conversation;
  const { resumeAfterMs } = policy.bargeIn;
  if (caller.voice === 'speaking') return pausedSinceMs + resumeAfterMs * NOISE_PATIENCE;
  const silentSinceMs = Math.max(caller.voiceSinceMs, pausedSinceMs);
  const said = caller.turn ? turnText(caller.turn) : '';
  if (said !== '' && isBackchannel(said)) return silentSinceMs + RESUME_AFTER_BACKCHANNEL_MS;
  return silentSinceMs + resumeAfterMs;
}

/**
 * When a reply that should be audible has been silent for too long: it never began, its audio ran
 * dry before its end, or the other side stopped saying what it has played.
 */
function deadAirDueMs(reply: Reply, deadAirMs: number): number | undefined {
  if (reply.audio.is !== 'flowing') return undefined;
  return reply.progressMs + Math.max(0, reply.audioMs - reply.playedMs) + deadAirMs;
}
