import type { ContextItem } from '#contracts/language-model.ts';
import { patch, patchCaller, patchReply } from './draft.ts';
import type { Draft } from './draft.ts';
import { recordCallerTurn } from './ending.ts';
import { heardByThem, takeKeys } from './hearing.ts';
import { isAllHeard } from './policies/heard.ts';
import { hasWords } from './policies/words.ts';
import { answer, closeReply, resultItem, say } from './reply.ts';
import { current, finishText } from './rounds.ts';
import { idle } from './speaking.ts';
import { takesLine, TOOL_RESULTS, TRANSFER_CALL_TOOL } from './tools.ts';

/**
 * Where the other side owns the sound: it says when the agent is to speak, and what it asks for it
 * gets, whatever was going on. What of it was heard has been told before.
 */
export function answerDue(draft: Draft, text: string): void {
  if (draft.state.phase.name === 'ending') return sayLastWordsAgain(draft);
  if (draft.state.phase.name !== 'talking') return;
  keepUnheard(draft);
  closeReply(draft, 'interrupted');
  // Words that it took back since were never said.
  patchCaller(draft, { turn: hasWords(text) ? draft.state.caller.turn : null });
  heardByThem(draft, text);
  const hasSaid = draft.state.caller.turn !== null || draft.state.caller.keys !== '';
  const spoken = recordCallerTurn(draft);
  takeKeys(draft);
  if (hasSaid) patch(draft, { idlePrompts: 0 });
  else patch(draft, { context: [...draft.state.context, NOTHING_SAID] });
  answer(draft, spoken === '' ? null : spoken, { trial: false, speechEndMs: draft.nowMs });
}

/** Models do not answer to themselves: something must stand behind their last words. */
const NOTHING_SAID: ContextItem = { role: 'note', text: 'The caller waits for you to speak.' };

export function promptDue(draft: Draft): void {
  const { phase, reply } = draft.state;
  if (phase.name === 'ending') return sayLastWordsAgain(draft);
  if (phase.name !== 'talking') return;
  keepUnheard(draft);
  // It has been silent for long: whatever it has not told of, it is through with.
  const isThrough = reply?.speechDone === true && reply.afterwards === 'listen';
  closeReply(draft, isThrough ? 'finished' : 'interrupted');
  idle(draft);
}

/** What the owner wants said is said later where there was no time to hear any of it. */
function keepUnheard(draft: Draft): void {
  const { reply, toSay } = draft.state;
  if (reply?.kind !== 'say' || reply.heardSinceMs !== null) return;
  if (draft.nowMs - (reply.dueSinceMs ?? 0) < HEARD_AFTER_MS)
    patch(draft, { toSay: [reply.text, ...toSay] });
}

/** From a text to its first word, at the slowest. */
const HEARD_AFTER_MS = 2_000;

/** Whoever is spoken to after the last words says them again; the call ends for all that. */
function sayLastWordsAgain(draft: Draft): void {
  const { reply, policy } = draft.state;
  const words = reply && hasWords(reply.text) ? reply.text : policy.texts.farewell;
  say(draft, words, { kind: 'farewell', interruptible: false, afterwards: 'end' });
}

export function handedOver(draft: Draft, replyId: number, callId: string): void {
  const reply = current(draft, replyId);
  const call = reply?.runningTools.find((running) => running.callId === callId);
  if (!reply || !call || !takesLine(call.name)) return;
  if (reply.textDone || reply.thinking) return;
  const isTransfer = call.name === TRANSFER_CALL_TOOL;
  const told = isTransfer ? TOOL_RESULTS.transferLater : TOOL_RESULTS.keysLater;
  patchReply(draft, replyId, {
    runningTools: reply.runningTools.filter((running) => running !== call),
    toolContext: [...reply.toolContext, resultItem(call, told)],
    ...(isTransfer && { afterwards: 'transfer' }),
  });
  finishText(draft, replyId);
}

/** The line has ended: what the agent asked for at the end of its words was done if they were heard. */
export function settleLastWords(draft: Draft): void {
  const { reply } = draft.state;
  if (!reply?.textDone || reply.afterwards === 'listen') return;
  const isAll = isAllHeard(reply) || !hasWords(reply.text);
  // Words that ended the call stand in the record, also where nobody told whether they were heard.
  if (reply.heardSinceMs === null && hasWords(reply.text))
    patchReply(draft, reply.id, { heardSinceMs: reply.moments.firstAudioMs ?? draft.nowMs });
  if (!isAll) return;
  closeReply(draft, 'finished');
  const { phase } = draft.state;
  if (phase.name !== 'talking') return;
  const reason = reply.afterwards === 'end' ? 'agent_hangup' : 'transferred';
  patch(draft, { phase: { name: 'ending', reason, detail: null, sinceMs: draft.nowMs } });
}

export function takenOver(draft: Draft, context: readonly ContextItem[], turnCount: number): void {
  const { phase, reply } = draft.state;
  if ((phase.name !== 'waiting' && phase.name !== 'talking') || reply) return;
  patch(draft, {
    phase: { name: 'talking' },
    context,
    turnCount: Math.max(turnCount, draft.state.turnCount),
    quietSinceMs: draft.nowMs,
  });
}
