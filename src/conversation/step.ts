import { emit, patch, patchReply, settleTimers } from './draft.ts';
import type { Draft } from './draft.ts';
import type { Role } from '#contracts/vendor.ts';
import type { Effect } from './effect.ts';
import { apologise, endNow, endPolitely } from './ending.ts';
import {
  endTurn,
  hearingChanged,
  heardEagerEnd,
  heardEnd,
  heardFinal,
  heardInterim,
  heardResumed,
  keyPressed,
  keysComplete,
  settlePause,
  speculate,
  voiceStarted,
  voiceStopped,
} from './hearing.ts';
import type { Input } from './input.ts';
import { dues } from './policies/dues.ts';
import { hasWords } from './policies/words.ts';
import { closeReply, pauseReply, say } from './reply.ts';
import {
  deadAir,
  noteSilence,
  played,
  replyDelta,
  replyDone,
  idle,
  settle,
  speechAudio,
  speechDone,
  speechWords,
} from './speaking.ts';
import type { Conversation, Reply } from './state.ts';
import { replyToolCall, sayToolFiller, toolResult, transferred } from './tool-calls.ts';
import type { TimerName } from './timer-name.ts';
import { typed } from './typing.ts';
import { answerDue, handedOver, promptDue, settleLastWords, takenOver } from './worded.ts';

/**
 * The conversation: what was, and what happened, give what is and what is to be done. Total and
 * pure: no clock, no I/O, no promises. After `end-call` nothing changes any more.
 */
export function step(
  state: Conversation,
  input: Input,
): readonly [Conversation, readonly Effect[]] {
  if (state.phase.name === 'ended') return [state, []];
  const draft: Draft = { state, effects: [], nowMs: input.atMs };
  take(draft, input);
  settle(draft);
  settleTimers(draft);
  const { phase } = draft.state;
  if (phase.name === 'ended')
    emit(draft, { type: 'end-call', reason: phase.reason, detail: phase.detail });
  return [draft.state, draft.effects];
}

function take(draft: Draft, input: Input): void {
  const { phase } = draft.state;
  switch (input.type) {
    case 'answered':
      return phase.name === 'waiting' ? answered(draft) : undefined;
    case 'closed':
      return closed(draft, input.by);
    case 'hang-up':
      return endPolitely(draft, input.reason, draft.state.policy.texts.farewell);
    case 'timer':
      return timer(draft, input.name);
    case 'vendor-failed':
      return vendorFailed(draft, input);
    case 'vendor-switched':
      return vendorSwitched(draft, input);
    case 'hearing-changed':
      return hearingChanged(draft, input.vendorDecides);
    case 'voice-started':
      return voiceStarted(draft, input.sinceMs);
    case 'voice-stopped':
      return voiceStopped(draft, input.sinceMs);
    case 'reply-delta':
      return replyDelta(draft, input.replyId, input.text);
    case 'reply-tool-call':
      return replyToolCall(draft, input.replyId, {
        callId: input.callId,
        name: input.name,
        arguments: input.arguments,
        ...(input.lasting && { lasting: true }),
      });
    case 'reply-done':
      return replyDone(draft, input.replyId);
    case 'tool-result':
      return toolResult(draft, input.replyId, input.callId, input.result);
    case 'transferred':
      return transferred(draft, input.replyId, input.callId, input.to);
    case 'speech-audio':
      return speechAudio(draft, input.replyId, input.audioMs);
    case 'speech-words':
      return speechWords(draft, input.replyId, input.words);
    case 'speech-done':
      return speechDone(draft, input.replyId);
    case 'played':
      return played(draft, input.replyId, input.playedMs);
    case 'answer-due':
      return answerDue(draft, input.text);
    case 'prompt-due':
      return promptDue(draft);
    case 'handed-over':
      return handedOver(draft, input.replyId, input.callId);
    case 'taken-over':
      return takenOver(draft, input.context, input.turnCount);
    case 'say':
      return phase.name === 'ending' ? undefined : sayOnce(draft, input.text);
    case 'heard-interim':
    case 'heard-final':
    case 'heard-eager-end':
    case 'heard-resumed':
    case 'heard-end':
    case 'key':
    case 'typed':
      // Nobody is listened to before the answer or after the agent's last words have begun.
      return phase.name === 'talking' ? listen(draft, input) : undefined;
  }
}

function listen(
  draft: Draft,
  input: Extract<Input, { type: `heard-${string}` | 'key' | 'typed' }>,
): void {
  switch (input.type) {
    case 'heard-interim':
      return heardInterim(draft, input.text);
    case 'heard-final':
      return heardFinal(draft, input.text);
    case 'heard-eager-end':
      return heardEagerEnd(draft, input.text);
    case 'heard-resumed':
      return heardResumed(draft);
    case 'heard-end':
      return heardEnd(draft, input.text);
    case 'key':
      return keyPressed(draft, input.digit);
    case 'typed':
      return typed(draft, input.text, input.isAnswered);
  }
}

/** The owner's words are said as soon as neither side speaks. */
function sayOnce(draft: Draft, text: string): void {
  if (hasWords(text)) patch(draft, { toSay: [...draft.state.toSay, text] });
}

function answered(draft: Draft): void {
  const { greeting } = draft.state.policy;
  patch(draft, { phase: { name: 'talking' }, quietSinceMs: draft.nowMs });
  if (!hasWords(greeting.text)) return;
  say(draft, greeting.text, {
    kind: 'greeting',
    interruptible: greeting.interruptible,
    afterwards: 'listen',
  });
}

function closed(draft: Draft, by: 'caller' | 'broken'): void {
  if (draft.state.policy.sound === 'theirs') settleLastWords(draft);
  const { phase } = draft.state;
  // Whoever hangs up first while the agent says its last words, the reason for the end is the same.
  if (phase.name === 'ending') return endNow(draft, phase.reason, phase.detail);
  endNow(draft, by === 'caller' ? 'caller_hangup' : 'transport_lost', null);
}

function vendorFailed(draft: Draft, input: Extract<Input, { type: 'vendor-failed' }>): void {
  const { role, vendor, message, replyId } = input;
  const { reply, phase } = draft.state;
  if (replyId !== undefined) {
    if (reply?.id !== replyId || hasDoneItsWork(reply, role)) return;
    // A trial that failed costs nothing: the reply is thought anew once the turn is certain.
    if (reply.audio.is === 'held') return closeReply(draft, 'discarded');
  } else if (phase.name === 'ending' || reply?.afterwards === 'end')
    // Last words need no listener.
    return emit(draft, { type: 'note', text: `vendor failure, ${role}: ${vendor}: ${message}` });
  apologise(draft, role, vendor, message);
}

/** The next of the chain goes on. Speech gets the whole time anew in which it must be heard. */
function vendorSwitched(draft: Draft, input: Extract<Input, { type: 'vendor-switched' }>): void {
  const { role, vendor, message, to, replyId } = input;
  emit(draft, {
    type: 'note',
    text: `vendor failure, ${role}: ${vendor}: ${message}; ${to} goes on`,
  });
  if (role === 'text-to-speech' && replyId !== undefined)
    patchReply(draft, replyId, { progressMs: draft.nowMs });
}

const hasDoneItsWork = (reply: Reply, role: Role): boolean =>
  role === 'text-to-speech' ? reply.speechDone : role === 'language-model' && !reply.thinking;

/** A timer that fires before it is due finds nothing to do, and is set again by `settleTimers`. */
function timer(draft: Draft, name: TimerName): void {
  const { [name]: _fired, ...timers } = draft.state.timers;
  patch(draft, { timers });
  const dueMs = dues(draft.state)[name];
  if (dueMs === undefined || dueMs > draft.nowMs) return;
  const { phase, policy } = draft.state;
  switch (name) {
    case 'endpoint':
      return endTurn(draft);
    case 'eager':
      return speculate(draft);
    case 'barge-in':
      return pauseReply(draft);
    case 'resume':
      return settlePause(draft);
    case 'idle':
      return idle(draft);
    case 'dead-air':
      return deadAir(draft);
    case 'silence':
      return noteSilence(draft);
    case 'tool-filler':
      return sayToolFiller(draft);
    case 'keys':
      return keysComplete(draft);
    case 'max-duration':
      return endPolitely(draft, 'max_duration', policy.texts.timeLimit);
    case 'ending':
      return phase.name === 'ending' ? endNow(draft, phase.reason, phase.detail) : undefined;
  }
}
