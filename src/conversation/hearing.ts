import { emit, patch, patchCaller, patchReply } from './draft.ts';
import type { Draft } from './draft.ts';
import { recordCallerTurn } from './ending.ts';
import { dues, isCatchingUp, mayAnswer, mayTakeKeys, RECOGNISER_LAG_MS } from './policies/dues.ts';
import { ANSWER_OVERLAP_MS, claimsFloor, isNearEnd } from './policies/floor.ts';
import { newWords } from './policies/repeats.ts';
import { hasWords, isBackchannel, normalise } from './policies/words.ts';
import { answer, closeReply, confirmReply, pauseReply, resumeReply } from './reply.ts';
import { turnText } from './state.ts';
import type { Caller, CallerTurn } from './state.ts';

export function voiceStarted(draft: Draft, sinceMs: number): void {
  if (draft.state.caller.voice === 'speaking') return;
  const atMs = pastMs(draft, sinceMs);
  patchCaller(draft, { voice: 'speaking', voiceSinceMs: atMs, voiceStartMs: atMs });
}

export function voiceStopped(draft: Draft, sinceMs: number): void {
  const { caller, reply, policy } = draft.state;
  if (caller.voice === 'silent') return;
  const atMs = Math.max(caller.voiceStartMs, pastMs(draft, sinceMs));
  patchCaller(draft, { voice: 'silent', voiceSinceMs: atMs });
  if (caller.turn)
    patchCaller(draft, {
      turn: {
        ...caller.turn,
        speechEndMs: Math.max(caller.turn.startMs, atMs),
        unvoiced: false,
      },
    });
  // The recogniser was sure before voice activity was: the reply is measured from the true end.
  else if (reply && reply.speechEndMs !== null && reply.heardSinceMs === null) {
    const { endDecidedMs } = reply.moments;
    if (endDecidedMs !== undefined && caller.voiceStartMs < endDecidedMs)
      patchReply(draft, reply.id, { speechEndMs: atMs });
  }
  if (!policy.endpointing.vendorDecides) emit(draft, { type: 'finalize-hearing' });
}

/**
 * Another recogniser listens: who decides the end of turns may be another, too. The voice may have
 * stopped before, when nobody had to ask for a final.
 */
export function hearingChanged(draft: Draft, vendorDecides: boolean): void {
  const { policy, caller } = draft.state;
  patch(draft, {
    policy: { ...policy, endpointing: { ...policy.endpointing, vendorDecides } },
  });
  patchCaller(draft, { hearingSinceMs: draft.nowMs });
  if (!vendorDecides && caller.voice === 'silent') emit(draft, { type: 'finalize-hearing' });
}

/** Voice activity tells of the past; what it says of the future is not believed. */
const pastMs = (draft: Draft, sinceMs: number): number =>
  Math.max(0, Math.min(sinceMs, draft.nowMs));

/** Words that may still change. */
export const heardInterim = (draft: Draft, text: string): void => heard(draft, text, false);

/** Words that will not change any more. */
export const heardFinal = (draft: Draft, text: string): void => heard(draft, text, true);

function heard(draft: Draft, spoken: string, closes: boolean): void {
  if (draft.state.policy.sound === 'theirs') return heardByThem(draft, spoken);
  const text = hasWords(spoken) ? newWords(draft.state, spoken, draft.nowMs) : '';
  if (closes) patchCaller(draft, { recorded: '' });
  const { caller } = draft.state;
  if (text === '') {
    // A segment that ends without words takes nothing back: they may have stopped the agent already.
    if (closes && caller.turn)
      patchCaller(draft, { turn: { ...caller.turn, final: turnText(caller.turn), interim: '' } });
    return;
  }
  const before = caller.turn ? turnText(caller.turn) : '';
  const turn = caller.turn ?? newTurn(draft);
  const final = closes ? [turn.final, text].filter((part) => part !== '').join(' ') : turn.final;
  const next: CallerTurn = { ...turn, final, interim: closes ? '' : text, ended: false };
  if (normalise(turnText(next)) === normalise(before)) {
    // One that hears again says what is known before it says what is new.
    const changedMs = isCatchingUp(caller, draft.nowMs) ? draft.nowMs : next.changedMs;
    return patchCaller(draft, { turn: { ...next, changedMs } });
  }
  const unvoiced = isUnvoiced(caller, turn, draft.nowMs);
  patchCaller(draft, {
    turn: {
      ...next,
      changedMs: draft.nowMs,
      speechEndMs: unvoiced ? draft.nowMs : next.speechEndMs,
      unvoiced,
      nearEnd: isNearEnd(draft.state.reply),
    },
  });
  takeFloor(draft);
}

/** What the caller's words and keys do to what the agent is saying. */
export function takeFloor(draft: Draft): void {
  const { reply, caller, policy } = draft.state;
  if (!reply || policy.sound === 'theirs') return;
  if (reply.audio.is === 'held') {
    const said = caller.turn && caller.keys === '' ? turnText(caller.turn) : '';
    if (normalise(reply.answers ?? '') !== normalise(said)) closeReply(draft, 'discarded');
    return;
  }
  if (!claimsFloor(draft.state)) return;
  if (reply.heardSinceMs === null) return closeReply(draft, 'discarded');
  // What was played until the line fell silent is known a moment later: the marks are on their way.
  pauseReply(draft);
  settlePause(draft);
}

/** Decides what a pause was, once that is due. */
export function settlePause(draft: Draft): void {
  const dueMs = dues(draft.state).resume;
  if (dueMs === undefined || dueMs > draft.nowMs) return;
  if (claimsFloor(draft.state)) return closeReply(draft, 'interrupted');
  resumeReply(draft);
}

/** The recogniser expects the turn to end: prepare the reply on trial. */
export function heardEagerEnd(draft: Draft, text: string): void {
  heardInterim(draft, text);
  speculate(draft);
}

export function speculate(draft: Draft): void {
  const { state } = draft;
  const { turn } = state.caller;
  if (!state.policy.speculation || state.reply || !turn || !mayAnswer(state)) return;
  const spoken = turnText(turn);
  patchCaller(draft, { turn: { ...turn, tried: spoken } });
  answer(draft, spoken, { trial: true, speechEndMs: turn.speechEndMs });
}

/** The caller goes on: what was prepared is worth nothing. */
export function heardResumed(draft: Draft): void {
  if (draft.state.reply?.audio.is === 'held') closeReply(draft, 'discarded');
}

/** The recogniser says that the turn has ended. */
export function heardEnd(draft: Draft, text: string): void {
  heardFinal(draft, text);
  const { turn } = draft.state.caller;
  if (!turn) return;
  if (mayAnswer(draft.state)) return endTurn(draft);
  // The agent speaks and goes on speaking: this turn waits for its end, and later words join it.
  patchCaller(draft, { turn: { ...turn, ended: true } });
}

/** The caller's turn is over: record it, and answer. */
export function endTurn(draft: Draft): void {
  const { turn, voice } = draft.state.caller;
  if (!turn || !mayAnswer(draft.state)) return;
  // A voice that is still up is this turn's, or noise: neither interrupts the answer to it.
  const speechEndMs = voice === 'speaking' ? draft.nowMs : turn.speechEndMs;
  patchCaller(draft, { turn: { ...turn, speechEndMs } });
  const spoken = recordCallerTurn(draft);
  patch(draft, { idlePrompts: 0 });
  const trial = draft.state.reply;
  if (trial && normalise(trial.answers ?? '') === normalise(spoken))
    return confirmReply(draft, speechEndMs);
  answer(draft, spoken, { trial: false, speechEndMs });
}

/** The agent has finished: a sign of listening that fell into its words needs no answer. */
export function forgetBackchannel(draft: Draft): void {
  const { turn, voice, voiceStartMs } = draft.state.caller;
  if (
    !turn ||
    turn.nearEnd ||
    turn.isTyped ||
    voice === 'speaking' ||
    !isBackchannel(turnText(turn))
  )
    return;
  const lastWordsMs =
    voiceStartMs >= turn.startMs && voiceStartMs <= turn.changedMs ? voiceStartMs : turn.changedMs;
  if (lastWordsMs < draft.nowMs - ANSWER_OVERLAP_MS) recordCallerTurn(draft);
}

export function keyPressed(draft: Draft, digit: string): void {
  if (!/^[0-9*#A-D]$/.test(digit)) return;
  patchCaller(draft, { keys: draft.state.caller.keys + digit, keysSinceMs: draft.nowMs });
  takeFloor(draft);
  if (digit === '#') keysComplete(draft);
}

export function keysComplete(draft: Draft): void {
  const { keys, keysSinceMs } = draft.state.caller;
  if (keys === '' || draft.state.policy.sound === 'theirs') return;
  if (!mayTakeKeys(draft.state.reply)) return;
  closeReply(draft, 'interrupted');
  recordCallerTurn(draft);
  takeKeys(draft);
  patch(draft, { idlePrompts: 0 });
  answer(draft, null, { trial: false, speechEndMs: keysSinceMs });
}

/** What was pressed joins what the model is shown. */
export function takeKeys(draft: Draft): void {
  const { keys } = draft.state.caller;
  if (keys === '') return;
  patchCaller(draft, { keys: '' });
  const text = `The caller pressed ${keys.split('').join(' ')} on the keypad.`;
  patch(draft, { context: [...draft.state.context, { role: 'note', text }] });
}

/** Where the other side owns the sound, who has the floor is its to say; `text` is the whole turn so far. */
export function heardByThem(draft: Draft, text: string): void {
  if (!hasWords(text)) return;
  const { nowMs } = draft;
  const turn = draft.state.caller.turn ?? newTurn(draft);
  patchCaller(draft, {
    turn: { ...turn, final: '', interim: text.trim(), changedMs: nowMs, speechEndMs: nowMs },
  });
}

export function newTurn(draft: Draft): CallerTurn {
  const { caller } = draft.state;
  const { nowMs } = draft;
  const fresh = {
    final: '',
    interim: '',
    changedMs: nowMs,
    unvoiced: false,
    ended: false,
    nearEnd: false,
    tried: null,
  };
  // Voice before the last answer belongs to the turn that was answered, not to this one.
  const startMs = Math.max(caller.voiceStartMs, caller.answered?.atMs ?? 0);
  if (caller.voice === 'speaking') return { ...fresh, startMs, speechEndMs: nowMs };
  if (hadVoice(caller, nowMs) && caller.voiceSinceMs > startMs)
    return { ...fresh, startMs, speechEndMs: caller.voiceSinceMs };
  return { ...fresh, startMs: nowMs, speechEndMs: nowMs };
}

/** Whether words that come now were spoken too softly for voice activity: they end with the last new one. */
const isUnvoiced = (caller: Caller, turn: CallerTurn, nowMs: number): boolean =>
  caller.voice === 'silent' && (!hadVoice(caller, nowMs) || caller.voiceSinceMs < turn.startMs);

/** Whether there was a voice so lately, or one that is being heard again, that words may be its own. */
const hadVoice = (caller: Caller, nowMs: number): boolean =>
  caller.voiceSinceMs > caller.voiceStartMs &&
  (caller.voiceSinceMs >= nowMs - RECOGNISER_LAG_MS || isCatchingUp(caller, nowMs));
