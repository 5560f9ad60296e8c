import type { ContextItem } from '#contracts/language-model.ts';
import { emit, patchReply } from './draft.ts';
import type { Draft } from './draft.ts';
import { hasWords } from './policies/words.ts';
import { closeReply, runTool, say } from './reply.ts';
import type { Reply } from './state.ts';
import { SEND_DIGITS_TOOL, TRANSFER_CALL_TOOL } from './tools.ts';

/** A model that calls one tool after the other is stopped here (a call and its result are two). */
const LONGEST_TOOL_CONTEXT = 32;

/** The reply if it is still the one with this id. */
export const current = (draft: Draft, replyId: number): Reply | undefined =>
  draft.state.reply?.id === replyId ? draft.state.reply : undefined;

/** What was said before a tool is called is said while it runs; what comes after it begins anew. */
export function speakRound(draft: Draft, replyId: number): void {
  const reply = current(draft, replyId);
  if (!reply || !hasWords(reply.unspoken)) return;
  patchReply(draft, replyId, { unspoken: '' });
  speakMore(draft, replyId, `${reply.unspoken.trimEnd()} `);
}

export function speakMore(draft: Draft, replyId: number, text: string): void {
  const reply = current(draft, replyId);
  if (!reply || text === '') return;
  const moments =
    reply.moments.firstClauseMs === undefined
      ? { ...reply.moments, firstClauseMs: draft.nowMs }
      : reply.moments;
  patchReply(draft, replyId, {
    text: reply.text + text,
    moments,
    soundDueSinceMs: reply.soundDueSinceMs ?? draft.nowMs,
  });
  emit(draft, { type: 'speak', replyId, text });
}

/** After a round of thinking: the next one if tools gave results, else the end of the text. */
export function thinkOn(draft: Draft, replyId: number): void {
  const reply = current(draft, replyId);
  if (!reply || reply.thinking || reply.textDone) return;
  if (reply.runningTools.length + reply.waitingTools.length > 0) return speakRound(draft, replyId);
  if (draft.state.policy.sound === 'theirs' && handOver(draft, reply)) return;
  const shown = reply.toolContext.length;
  const isEnough = shown + toolsSinceWords(draft.state.context) > LONGEST_TOOL_CONTEXT;
  if (reply.afterwards === 'end' || reply.lineTools.length > 0) return finishText(draft, replyId);
  if (shown === reply.toolsShown || isEnough) return finishText(draft, replyId);
  speakRound(draft, replyId);
  const said = (current(draft, replyId)?.text ?? '').trim();
  patchReply(draft, replyId, { thinking: true, toolsShown: shown });
  emit(draft, {
    type: 'think',
    replyId,
    context: [
      ...draft.state.context,
      ...(said === '' ? [] : [{ role: 'agent', text: said } as const]),
      ...reply.toolContext,
    ],
  });
}

/**
 * Asks the other side, whose the line is, to do what a tool is for after the reply's last word; it does
 * one thing at most, and a hang-up or a transfer rather than keys. False: there is nothing to ask for.
 */
function handOver(draft: Draft, reply: Reply): boolean {
  const { lineTools } = reply;
  const call = lineTools.find(({ name }) => name === TRANSFER_CALL_TOOL) ?? lineTools[0];
  if (!call || reply.afterwards === 'end') return false;
  patchReply(draft, reply.id, { lineTools: lineTools.filter((one) => one !== call) });
  runTool(draft, reply.id, call);
  return true;
}

/** How many calls and results have come since anybody said a word. */
function toolsSinceWords(context: readonly ContextItem[]): number {
  const last = context.findLastIndex((item) => item.role === 'caller' || item.role === 'agent');
  return context.length - 1 - last;
}

/** All of the text is known: what is left of it goes to be spoken. */
export function finishText(draft: Draft, replyId: number): void {
  const reply = current(draft, replyId);
  if (!reply) return;
  patchReply(draft, replyId, { unspoken: '', textDone: true });
  if (hasWords(reply.unspoken)) speakMore(draft, replyId, reply.unspoken.trimEnd());
  if (hasWords(current(draft, replyId)?.text ?? ''))
    return emit(draft, { type: 'finish-speaking', replyId });
  // A hang-up, or a tool, without a word needs none; on trial it waits for the end of the turn.
  if (reply.afterwards !== 'listen' || reply.lineTools.length > 0) return;
  // Whoever pressed keys in a menu has nothing to say until the menu has.
  if (reply.toolContext.some((item) => item.role === 'tool-call' && item.name === SEND_DIGITS_TOOL))
    return draft.state.policy.sound === 'ours' ? closeReply(draft, 'finished') : undefined;
  emit(draft, { type: 'note', text: 'the language model answered without a word' });
  // Once the turn is certain it may think of something.
  if (reply.audio.is === 'held') return closeReply(draft, 'discarded');
  say(draft, draft.state.policy.texts.again, {
    kind: 'prompt',
    interruptible: true,
    afterwards: 'listen',
  });
}
