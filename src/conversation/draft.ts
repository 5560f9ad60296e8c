import type { Effect } from './effect.ts';
import { dues } from './policies/dues.ts';
import type { Caller, Conversation, Reply } from './state.ts';
import { timerNames } from './timer-name.ts';

/** One step in the making: the state as it is now and what has to be done so far. */
export type Draft = {
  state: Conversation;
  readonly effects: Effect[];
  readonly nowMs: number;
};

/** Whole milliseconds, as turns are stored; never the minus zero that JSON loses. */
export const wholeMs = (ms: number): number => Math.round(ms) || 0;

export const emit = (draft: Draft, effect: Effect): void => void draft.effects.push(effect);

export const patch = (draft: Draft, change: Partial<Conversation>): void => {
  draft.state = { ...draft.state, ...change };
};

export const patchCaller = (draft: Draft, change: Partial<Caller>): void =>
  patch(draft, { caller: { ...draft.state.caller, ...change } });

/** Changes the reply if it is still the one with this id; answers it as it is then. */
export function patchReply(
  draft: Draft,
  replyId: number,
  change: Partial<Reply>,
): Reply | undefined {
  const { reply } = draft.state;
  if (reply?.id !== replyId) return undefined;
  const changed = { ...reply, ...change };
  patch(draft, { reply: changed });
  return changed;
}

/**
 * Sets the session's timers to what the state says is due. A timer that is set for an earlier moment
 * stays: it finds nothing due and is set again then, which costs less than moving it with every word.
 */
export function settleTimers(draft: Draft): void {
  const due = dues(draft.state);
  const timers = { ...draft.state.timers };
  let changed = false;
  for (const name of timerNames) {
    const dueMs = due[name];
    const setMs = timers[name];
    if (dueMs === undefined) {
      if (setMs === undefined) continue;
      delete timers[name];
      emit(draft, { type: 'cancel-timer', name });
    } else if (setMs === undefined || setMs > dueMs) {
      timers[name] = dueMs;
      emit(draft, { type: 'set-timer', name, afterMs: Math.max(0, dueMs - draft.nowMs) });
    } else continue;
    changed = true;
  }
  if (changed) patch(draft, { timers });
}
