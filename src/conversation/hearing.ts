import { emit, patch, patchCaller, patchReply } from './draft.ts';
import type { Draft } from './draft.ts';
import { recordCallerTurn } from './ending.ts';
import { dues, mayAnswer } from './policies/dues.ts';
import { isBackchannel, normalise } from './policies/words.ts';
import { answer, closeReply, confirmReply, pauseReply, resumeReply } from './reply.ts';
import { turnText } from './state.ts';
import type { CallerTurn } from './state.ts';

/** A recogniser's second thoughts on words that were answered already come within this. */
const REPEAT_MS = 2_000;
/** A short "yes" this close to the end of the agent's words answers them; earlier it only shows listening. */
const ANSWER_OVERLAP_MS = 1_200;

export function voiceStarted(draft: Draft, sinceMs: number): void {
  patchCaller(draft, { voice: 'speaking', voiceSinceMs: sinceMs, voiceStartMs: sinceMs });
}

export function voiceStopped(draft: Draft, sinceMs: number): void {
  const { caller, reply, policy } = draft.state;
  patchCaller(draft, { voice: 'silent', voiceSinceMs: sinceMs });
  if (caller.turn)
    patchCaller(draft, {
      turn: { ...caller.turn, speechEndMs: Math.max(caller.turn.startMs, sinceMs) },
    });
  patch(draft, { quietSinceMs: Math.max(draft.state.quietSinceMs, draft.nowMs) });
  // The recogniser was sure before voice activity was: the reply is measured from the true end.
  if (reply && reply.speechEndMs !== null && reply.heardSinceMs === null && !caller.turn)
    patchReply(draft, reply.id, { speechEndMs: sinceMs });
  if (!policy.endpointing.vendorDecides) emit(draft, { type: 'finalize-hearing' });
}

/** Words that may still change. */
export const heardInterim = (draft: Draft, text: string): void => heard(draft, text, false);

/** Words that will not change any more. */
export const heardFinal = (draft: Draft, text: string): void => heard(draft, text, true);

function heard(draft: Draft, spoken: string, isFinal: boolean): void {
  const text = spoken.trim();
  if (text === '' || isRepeat(draft, text)) return;
  const { caller } = draft.state;
  const before = caller.turn ? turnText(caller.turn) : '';
  const turn = caller.turn ?? newTurn(draft);
  const final = isFinal ? [turn.final, text].filter((part) => part !== '').join(' ') : turn.final;
  const next: CallerTurn = { ...turn, final, interim: isFinal ? '' : text, ended: false };
  const changed = normalise(turnText(next)) !== normalise(before);
  patchCaller(draft, {
    turn: changed
      ? {
          ...next,
          changedMs: draft.nowMs,
          // Words without voice: speech too quiet for voice activity ends with its last new word.
          speechEndMs:
            caller.voice === 'silent' && caller.voiceSinceMs < turn.startMs
              ? draft.nowMs
              : next.speechEndMs,
        }
      : next,
  });
  if (changed) takeFloor(draft, turnText(next));
}

/** What the caller's words do to what the agent is saying. */
function takeFloor(draft: Draft, text: string): void {
  const { reply } = draft.state;
  if (!reply) return;
  if (reply.audio.is === 'held') {
    if (normalise(reply.answers ?? '') !== normalise(text)) closeReply(draft, 'discarded');
    return;
  }
  const mayInterrupt = reply.interruptible && draft.state.policy.bargeIn.enabled;
  // Until the agent is heard, the caller is simply not finished: any word counts.
  if (reply.heardSinceMs === null && reply.kind === 'answer') return closeReply(draft, 'discarded');
  if (mayInterrupt && !isBackchannel(text)) closeReply(draft, 'interrupted');
}

/** The recogniser expects the turn to end: prepare the reply on trial. */
export function heardEagerEnd(draft: Draft, text: string): void {
  heardInterim(draft, text);
  speculate(draft);
}

export function speculate(draft: Draft): void {
  const { caller, reply, policy } = draft.state;
  if (!policy.speculation || reply || !caller.turn) return;
  const spoken = turnText(caller.turn);
  if (spoken !== '') answer(draft, spoken, { trial: true, speechEndMs: caller.turn.speechEndMs });
}

/** The caller goes on: what was prepared is worth nothing. */
export function heardResumed(draft: Draft): void {
  if (draft.state.reply?.audio.is === 'held') closeReply(draft, 'discarded');
}

/** The recogniser says that the turn has ended. */
export function heardEnd(draft: Draft, text: string): void {
  heardInterim(draft, text);
  const { turn } = draft.state.caller;
  if (!turn) return;
  if (mayAnswer(draft.state.reply)) return endTurn(draft);
  // The agent speaks and goes on speaking: this turn waits for its end, and later words join it.
  patchCaller(draft, { turn: { ...turn, final: turnText(turn), interim: '', ended: true } });
}

/** The caller's turn is over: record it, and answer. */
export function endTurn(draft: Draft): void {
  const { turn } = draft.state.caller;
  if (!turn || !mayAnswer(draft.state.reply)) return;
  const spoken = recordCallerTurn(draft);
  if (spoken === '') return;
  patch(draft, { idlePrompts: 0 });
  const trial = draft.state.reply;
  if (trial && normalise(trial.answers ?? '') === normalise(spoken))
    return confirmReply(draft, turn.speechEndMs);
  answer(draft, spoken, { trial: false, speechEndMs: turn.speechEndMs });
}

/** The agent has finished: a sign of listening that fell into its words needs no answer. */
export function forgetBackchannel(draft: Draft): void {
  const { turn } = draft.state.caller;
  if (!turn || !isBackchannel(turnText(turn))) return;
  if (turn.startMs < draft.nowMs - ANSWER_OVERLAP_MS) recordCallerTurn(draft);
}

/** The caller has spoken over the agent for long enough to be taken seriously. */
export function bargeIn(draft: Draft): void {
  const dueMs = dues(draft.state)['barge-in'];
  if (dueMs === undefined || dueMs > draft.nowMs) return;
  const text = draft.state.caller.turn ? turnText(draft.state.caller.turn) : '';
  pauseReply(draft);
  if (text !== '' && !isBackchannel(text)) closeReply(draft, 'interrupted');
}

/** Nobody said a word after all. */
export function falseAlarm(draft: Draft): void {
  resumeReply(draft);
}

export function keyPressed(draft: Draft, digit: string): void {
  closeReply(draft, 'interrupted');
  const keys = draft.state.caller.keys + digit;
  patchCaller(draft, { keys, keysSinceMs: draft.nowMs });
  if (digit === '#') keysComplete(draft);
}

export function keysComplete(draft: Draft): void {
  const { keys } = draft.state.caller;
  if (keys === '') return;
  recordCallerTurn(draft);
  patchCaller(draft, { keys: '' });
  patch(draft, {
    idlePrompts: 0,
    context: [
      ...draft.state.context,
      { role: 'note', text: `The caller pressed ${keys.split('').join(' ')} on the keypad.` },
    ],
  });
  answer(draft, null, { trial: false, speechEndMs: draft.state.caller.keysSinceMs });
}

function newTurn(draft: Draft): CallerTurn {
  const { caller } = draft.state;
  const fresh = { final: '', interim: '', changedMs: draft.nowMs, ended: false };
  if (caller.voice === 'speaking')
    return { ...fresh, startMs: caller.voiceStartMs, speechEndMs: draft.nowMs };
  // Voice that ended before the last turn was answered belongs to that turn, not to this one.
  if (caller.answered && caller.voiceSinceMs <= caller.answered.atMs)
    return { ...fresh, startMs: draft.nowMs, speechEndMs: draft.nowMs };
  return { ...fresh, startMs: caller.voiceStartMs, speechEndMs: caller.voiceSinceMs };
}

/** Whether these are the words of the last turn once more, said by the recogniser and not by the caller. */
function isRepeat(draft: Draft, text: string): boolean {
  const { caller, policy } = draft.state;
  if (policy.endpointing.vendorDecides || caller.turn || !caller.answered) return false;
  const { answered } = caller;
  if (draft.nowMs - answered.atMs > REPEAT_MS) return false;
  const voiceSince = caller.voice === 'speaking' || caller.voiceSinceMs > answered.atMs;
  return !voiceSince && normalise(answered.text).endsWith(normalise(text));
}
