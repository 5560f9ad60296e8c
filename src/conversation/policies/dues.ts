import type { Caller, CallerTurn, Conversation, Reply } from '../state.ts';
import { isLineTaken, turnText } from '../state.ts';
import type { TimerName } from '../timer-name.ts';
import { claimsFloor } from './floor.ts';
import { isBackchannel, normalise, soundsUnfinished } from './words.ts';

/** Words must have stood still this long before they count as all. */
const STABLE_MS = 60;
/** How much longer to wait for words the recogniser may still change. */
const INTERIM_GRACE_MS = 300;
/** Words that have stood still for this long while the voice went on are not all that was said. */
const BEHIND_MS = 1_000;
/** How much longer to wait for a recogniser that is behind: it may be found dead, and another one hear it all again. */
const BEHIND_GRACE_MS = 4_500;
/** A recogniser that takes over needs this long at most for what it hears again. */
const CATCH_UP_MS = 5_000;
/** To its first word. */
const CATCH_UP_FIRST_MS = 1_000;
/** While it does, words come ten times as fast as they were spoken, and so do the pauses between them. */
const CATCH_UP_STABLE_MS = 250;
/** How much longer to wait where only the recogniser hears the caller: its words come in bursts. */
const UNVOICED_GRACE_MS = 700;
/** A listening sign needs no second thought. */
const RESUME_AFTER_BACKCHANNEL_MS = 250;
/** How long after a reply was taken off the line the marks of what was played may still be on their way. */
const MARKS_SETTLE_MS = 250;
/** Noise that never stops pauses the agent at most this many times as long as silence would. */
const NOISE_PATIENCE = 4;
/** The longest from a voice to its words. */
export const RECOGNISER_LAG_MS = 2_000;
/** Longest pause between keys of one number. */
const KEYS_MS = 1_500;
/** A tool that takes longer is worth a word; later where the agent has said something just before. */
const TOOL_FILLER_MS = 1_000;
const TOOL_FILLER_AFTER_WORDS_MS = 2_500;
/** A longer silence of the agent has its reason in the journal. */
const UNNOTED_SILENCE_MS = 1_800;
/** The longest that a tool may have the line: more than the longest row of tones, and than the carrier takes to answer. */
export const LINE_TOOL_MS = 20_000;
/** A farewell takes at most this long. */
export const ENDING_MS = 30_000;

type Dues = Partial<Record<TimerName, number>>;

/** When each timer of a conversation is due: the whole timing policy as a function of the state. */
export function dues(conversation: Conversation): Dues {
  const { phase, reply, caller, policy } = conversation;
  const due: Dues = {};
  if (phase.name === 'waiting' || phase.name === 'ended') return due;
  if (policy.sound === 'theirs') return duesWithoutSound(conversation);
  if (reply?.audio.is === 'flowing') {
    due['dead-air'] = deadAirDueMs(reply, policy.deadAirMs);
    const silentMs = silentSinceMs(reply);
    if (silentMs !== reply.notedSilenceMs && policy.deadAirMs > UNNOTED_SILENCE_MS)
      due.silence = silentMs + UNNOTED_SILENCE_MS;
  }
  const toolFillerMs = toolFillerDueMs(conversation);
  if (toolFillerMs !== undefined) due['tool-filler'] = toolFillerMs;
  if (phase.name === 'ending') {
    due.ending = phase.sinceMs + ENDING_MS;
    return due;
  }
  due['max-duration'] = policy.maxCallMs;
  if (caller.keys !== '' && mayTakeKeys(reply))
    due.keys = caller.keysSinceMs + (caller.keys.endsWith('#') ? 0 : KEYS_MS);

  const bargeInMs = bargeInDueMs(conversation);
  if (bargeInMs !== undefined) due['barge-in'] = bargeInMs;
  if (reply?.audio.is === 'paused') due.resume = resumeDueMs(conversation, reply.audio.sinceMs);

  if (caller.turn && mayAnswer(conversation)) {
    due.endpoint = endpointDueMs(conversation, caller.turn);
    if (mayPrepare(conversation, caller.turn))
      due.eager = Math.max(
        caller.turn.speechEndMs + policy.endpointing.eagerSilenceMs + unvoicedMs(caller.turn),
        stableAtMs(caller, caller.turn),
      );
  }
  if (!reply && !caller.turn && caller.keys === '') due.idle = idleDueMs(conversation);
  return due;
}

/**
 * Where the sound is the other side's, so are silence and the end of turns. Ours to watch is that a
 * thought or a tool gives something for it to say, and that a call ends that should.
 */
function duesWithoutSound(conversation: Conversation): Dues {
  const { phase, reply, policy, toSay, caller, quietSinceMs } = conversation;
  const due: Dues = {};
  const isTalking = phase.name === 'talking';
  if (reply) {
    const saidMs = saidByThemMs(reply);
    if (reply.thinking || reply.runningTools.length > 0)
      due['dead-air'] = saidMs + policy.deadAirMs;
    else if (isTalking && reply.afterwards === 'end') due['dead-air'] = saidMs + ENDING_MS;
    else if (isTalking && toSay.length > 0) due['dead-air'] = saidMs + policy.deadAirMs;
    const isSilent = reply.runningTools.length > 0 && !isLineTaken(reply) && !reply.toolFillerSaid;
    if (isSilent && policy.texts.toolFiller !== '')
      due['tool-filler'] = Math.max(reply.toolsSinceMs, saidMs) + toolPatienceMs(reply);
  }
  // Words that nobody wants an answer to do not keep the owner's from being said.
  if (isTalking && !reply && toSay.length > 0)
    due.idle = Math.max(quietSinceMs, caller.turn?.changedMs ?? 0) + policy.deadAirMs;
  if (phase.name === 'ending') return { ...due, ending: phase.sinceMs + ENDING_MS };
  return { ...due, 'max-duration': policy.maxCallMs };
}

/** When the other side should be through with what it was given to say. */
const saidByThemMs = (reply: Reply): number =>
  reply.progressMs + Math.max(0, reply.audioMs - reply.playedMs);

/** Whether a turn that ends now would be answered: nothing is being said, or only prepared on trial. */
export const mayAnswer = ({ reply, caller }: Conversation): boolean =>
  caller.keys === '' && (!reply || reply.audio.is === 'held');

/** Whether pressed keys may be answered: what must be heard to its end is. */
export const mayTakeKeys = (reply: Reply | null): boolean =>
  !reply || reply.audio.is === 'held' || reply.interruptible;

/** Whether our own silence rule should have a reply prepared on trial; not twice for the same words. */
function mayPrepare({ policy, reply, caller }: Conversation, turn: CallerTurn): boolean {
  if (policy.endpointing.vendorDecides || !policy.speculation || reply) return false;
  return caller.voice === 'silent' && normalise(turn.tried ?? '') !== normalise(turnText(turn));
}

function endpointDueMs({ policy, caller }: Conversation, turn: CallerTurn): number {
  const { endpointing } = policy;
  // Noise does not end: words that have stood still under it for long are all there are.
  if (caller.voice === 'speaking')
    return Math.max(caller.voiceSinceMs, turn.changedMs) + endpointing.vendorEndTimeoutMs;
  if (turn.ended) return turn.speechEndMs;
  const unfinished = soundsUnfinished(turnText(turn));
  if (endpointing.vendorDecides)
    return (
      Math.max(turn.speechEndMs, turn.changedMs) +
      endpointing.vendorEndTimeoutMs +
      (unfinished ? endpointing.unfinishedSilenceMs : 0)
    );
  const silenceMs = unfinished ? endpointing.unfinishedSilenceMs : endpointing.silenceMs;
  const isBehind = turn.speechEndMs - turn.changedMs >= BEHIND_MS;
  const graceMs = turn.interim === '' ? 0 : isBehind ? BEHIND_GRACE_MS : INTERIM_GRACE_MS;
  return Math.max(
    turn.speechEndMs + silenceMs + graceMs + unvoicedMs(turn),
    stableAtMs(caller, turn),
  );
}

/** When the words have stood still for long enough to be all. */
function stableAtMs({ hearingSinceMs }: Caller, { changedMs }: CallerTurn): number {
  if (hearingSinceMs === null || changedMs - hearingSinceMs >= CATCH_UP_MS)
    return changedMs + STABLE_MS;
  // The new recogniser has said nothing yet.
  if (changedMs < hearingSinceMs) return hearingSinceMs + CATCH_UP_FIRST_MS;
  return changedMs + CATCH_UP_STABLE_MS;
}

/** Whether the recogniser has taken over so lately that it may still hear again what was said before. */
export const isCatchingUp = ({ hearingSinceMs }: Caller, atMs: number): boolean =>
  hearingSinceMs !== null && atMs - hearingSinceMs < CATCH_UP_MS;

const unvoicedMs = (turn: CallerTurn): number => (turn.unvoiced ? UNVOICED_GRACE_MS : 0);

/** Only a voice that came up after the agent was due to speak interrupts it; what went on before is the turn being answered. */
function bargeInDueMs(conversation: Conversation): number | undefined {
  const { reply, caller, policy } = conversation;
  if (!reply || reply.audio.is !== 'flowing' || reply.dueSinceMs === null) return undefined;
  if (!policy.bargeIn.enabled || !reply.interruptible || caller.voice !== 'speaking')
    return undefined;
  if (caller.voiceSinceMs < reply.dueSinceMs) return undefined;
  return caller.voiceSinceMs + policy.bargeIn.minSpeechMs;
}

/** When it is decided what a pause was: an interruption, or a false alarm. */
function resumeDueMs(conversation: Conversation, pausedSinceMs: number): number {
  const { caller, policy } = conversation;
  const { resumeAfterMs } = policy.bargeIn;
  if (claimsFloor(conversation)) return pausedSinceMs + MARKS_SETTLE_MS;
  if (caller.voice === 'speaking') return pausedSinceMs + resumeAfterMs * NOISE_PATIENCE;
  const silentSinceMs = Math.max(caller.voiceSinceMs, pausedSinceMs);
  if (caller.turn && isBackchannel(turnText(caller.turn)))
    return silentSinceMs + RESUME_AFTER_BACKCHANNEL_MS;
  return silentSinceMs + resumeAfterMs;
}

/** Voice without words puts off the question whether somebody is there, but not for ever. */
function idleDueMs({ caller, policy, quietSinceMs }: Conversation): number {
  const { promptAfterMs } = policy.idle;
  const latestMs = quietSinceMs + promptAfterMs * 2;
  if (caller.voice === 'speaking') return latestMs;
  return Math.min(
    latestMs,
    Math.max(quietSinceMs + promptAfterMs, caller.voiceSinceMs + RECOGNISER_LAG_MS),
  );
}

/**
 * When a reply that should be audible has been silent for too long: it never began, its audio ran
 * dry before its end, or the other side stopped saying what it has played. Text that came late has
 * the whole time to become sound.
 */
const deadAirDueMs = (reply: Reply, deadAirMs: number): number =>
  isLineTaken(reply)
    ? reply.toolsSinceMs + LINE_TOOL_MS
    : Math.max(silentSinceMs(reply), reply.soundDueSinceMs ?? 0) + deadAirMs;

/** When the last of a reply's audio that there is was heard, or will have been. */
export const silentSinceMs = (reply: Reply): number =>
  reply.progressMs + Math.max(0, reply.audioMs - reply.playedMs);

/** When a tool has run for long enough, and the agent been silent for long enough, to say so. */
function toolFillerDueMs({ reply, policy }: Conversation): number | undefined {
  if (reply?.audio.is !== 'flowing' || reply.toolFillerSaid) return undefined;
  if (policy.texts.toolFiller === '' || reply.runningTools.length === 0 || isLineTaken(reply))
    return undefined;
  const isAudible = reply.soundDueSinceMs !== null || reply.audioMs > reply.playedMs;
  if (isAudible) return undefined;
  return Math.max(reply.toolsSinceMs, reply.progressMs) + toolPatienceMs(reply);
}

const toolPatienceMs = (reply: Reply): number =>
  reply.audioMs > 0 ? TOOL_FILLER_AFTER_WORDS_MS : TOOL_FILLER_MS;
