import type { WordTime } from '#contracts/text-to-speech.ts';
import { emit, patch, patchReply } from './draft.ts';
import type { Draft } from './draft.ts';
import { apologise, endNow } from './ending.ts';
import { forgetBackchannel } from './hearing.ts';
import { takeClauses } from './policies/clauses.ts';
import { dues } from './policies/dues.ts';
import { closeReply, runTool, say } from './reply.ts';
import type { Reply, ToolCall } from './state.ts';

/** The tool with which the agent hangs up. It is part of the conversation: no session runs it. */
export const END_CALL_TOOL = 'end_call';

/** Marks come at whole samples, times of words in fractions of a millisecond. */
const ROUNDING_MS = 1;
/** A model that calls one tool after the other is stopped here (a call and its result are two). */
const LONGEST_TOOL_CONTEXT = 32;

const current = (draft: Draft, replyId: number): Reply | undefined =>
  draft.state.reply?.id === replyId ? draft.state.reply : undefined;

export function replyDelta(draft: Draft, replyId: number, text: string): void {
  const reply = current(draft, replyId);
  if (!reply || reply.textDone) return;
  const moments =
    reply.moments.firstTokenMs === undefined
      ? { ...reply.moments, firstTokenMs: draft.nowMs }
      : reply.moments;
  const pending = reply.unspoken + text;
  const { ready, rest } = takeClauses(pending, reply.text === '');
  patchReply(draft, replyId, { moments, unspoken: rest });
  speakMore(draft, replyId, ready);
}

export function replyToolCall(draft: Draft, replyId: number, call: ToolCall): void {
  const reply = current(draft, replyId);
  if (!reply) return;
  if (call.name === END_CALL_TOOL) return endCall(draft, reply, call);
  if (reply.audio.is === 'held')
    return void patchReply(draft, replyId, { waitingTools: [...reply.waitingTools, call] });
  runTool(draft, replyId, call);
}

/** The agent wants to hang up: after its last words, which it may have put into the call itself. */
function endCall(draft: Draft, reply: Reply, call: ToolCall): void {
  patchReply(draft, reply.id, {
    afterwards: 'end',
    toolContext: [
      ...reply.toolContext,
      { role: 'tool-call', ...call },
      { role: 'tool-result', callId: call.callId, result: 'The call ends after your last words.' },
    ],
  });
  const farewell = farewellOf(call.arguments);
  if ((reply.text + reply.unspoken).trim() === '' && farewell !== '')
    patchReply(draft, reply.id, { unspoken: farewell });
}

function farewellOf(json: string): string {
  try {
    const value: unknown = JSON.parse(json);
    const farewell =
      typeof value === 'object' && value !== null ? (value as { farewell?: unknown }).farewell : '';
    return typeof farewell === 'string' ? farewell.trim() : '';
  } catch {
    return '';
  }
}

export function toolResult(draft: Draft, replyId: number, callId: string, result: string): void {
  const reply = current(draft, replyId);
  if (!reply?.runningTools.some((call) => call.callId === callId)) return;
  patchReply(draft, replyId, {
    runningTools: reply.runningTools.filter((call) => call.callId !== callId),
    toolContext: [...reply.toolContext, { role: 'tool-result', callId, result }],
  });
  thinkOn(draft, replyId);
}

export function replyDone(draft: Draft, replyId: number): void {
  const reply = current(draft, replyId);
  if (!reply?.thinking) return;
  patchReply(draft, replyId, { thinking: false });
  thinkOn(draft, replyId);
}

/** After a round of thinking: the next one if tools gave results, else the end of the text. */
function thinkOn(draft: Draft, replyId: number): void {
  const reply = current(draft, replyId);
  if (!reply || reply.thinking || reply.textDone) return;
  if (reply.runningTools.length + reply.waitingTools.length > 0) return;
  const shown = reply.toolContext.length;
  if (reply.afterwards === 'end' || shown === reply.toolsShown || shown > LONGEST_TOOL_CONTEXT)
    return finishText(draft, replyId);
  const said = (reply.text + reply.unspoken).trim();
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

/** All of the text is known: what is left of it goes to be spoken. */
function finishText(draft: Draft, replyId: number): void {
  const reply = current(draft, replyId);
  if (!reply) return;
  patchReply(draft, replyId, { unspoken: '', textDone: true });
  if (reply.unspoken.trim() !== '') speakMore(draft, replyId, reply.unspoken);
  const { text = '' } = current(draft, replyId) ?? {};
  if (text.trim() !== '') return emit(draft, { type: 'finish-speaking', replyId });
  if (reply.audio.is === 'held')
    // Nothing to say on trial: think again once the turn is certain.
    return closeReply(draft, 'discarded');
  if (reply.afterwards === 'end') return finished(draft, replyId);
  emit(draft, { type: 'note', text: 'the language model answered without a word' });
  say(draft, draft.state.policy.texts.again, {
    kind: 'prompt',
    interruptible: true,
    afterwards: 'listen',
  });
}

function speakMore(draft: Draft, replyId: number, text: string): void {
  const reply = current(draft, replyId);
  if (!reply || text === '') return;
  const moments =
    reply.moments.firstClauseMs === undefined
      ? { ...reply.moments, firstClauseMs: draft.nowMs }
      : reply.moments;
  patchReply(draft, replyId, { text: reply.text + text, moments });
  emit(draft, { type: 'speak', replyId, text });
}

export function speechAudio(draft: Draft, replyId: number, audioMs: number): void {
  const reply = current(draft, replyId);
  if (!reply) return;
  const first = reply.moments.firstAudioMs === undefined;
  patchReply(draft, replyId, {
    audioMs: Math.max(reply.audioMs, audioMs),
    ...(first ? { moments: { ...reply.moments, firstAudioMs: draft.nowMs } } : {}),
  });
}

export function speechWords(draft: Draft, replyId: number, words: readonly WordTime[]): void {
  const reply = current(draft, replyId);
  if (reply) patchReply(draft, replyId, { words: [...reply.words, ...words] });
}

export function speechDone(draft: Draft, replyId: number): void {
  const reply = patchReply(draft, replyId, { speechDone: true });
  if (!reply) return;
  if (reply.audioMs === 0)
    return apologise(draft, 'text-to-speech', '', 'no sound was made for the text');
  settlePlayback(draft, replyId);
}

export function played(draft: Draft, replyId: number, playedMs: number): void {
  const reply = current(draft, replyId);
  if (!reply || playedMs <= 0) return;
  const first = reply.heardSinceMs === null;
  patchReply(draft, replyId, {
    playedMs: Math.max(reply.playedMs, playedMs),
    progressMs: draft.nowMs,
    stalls: 0,
    ...(first
      ? {
          heardSinceMs: draft.nowMs - playedMs,
          moments: { ...reply.moments, playedMs: draft.nowMs - playedMs },
        }
      : {}),
  });
  settlePlayback(draft, replyId);
}

function settlePlayback(draft: Draft, replyId: number): void {
  const reply = current(draft, replyId);
  if (!reply?.speechDone || reply.audio.is !== 'flowing') return;
  if (reply.playedMs >= reply.audioMs - ROUNDING_MS) finished(draft, replyId);
}

/** The last sample was heard. */
function finished(draft: Draft, replyId: number): void {
  const reply = current(draft, replyId);
  if (!reply) return;
  closeReply(draft, 'finished');
  const { phase, toSay } = draft.state;
  if (phase.name === 'ending') return endNow(draft, phase.reason, phase.detail);
  if (reply.afterwards === 'end') return endNow(draft, 'agent_hangup', null);
  forgetBackchannel(draft);
  const [next, ...later] = toSay;
  if (next === undefined) return;
  patch(draft, { toSay: later });
  say(draft, next, { kind: 'say', interruptible: true, afterwards: 'listen' });
}

/**
 * The agent is due to be heard and is not. A late thought is bridged with a few words, once; whatever
 * else is silent has failed.
 */
export function deadAir(draft: Draft): void {
  const dueMs = dues(draft.state)['dead-air'];
  const { reply, policy } = draft.state;
  if (!reply || dueMs === undefined || dueMs > draft.nowMs) return;
  const silentMs = Math.round(draft.nowMs - reply.progressMs);
  if (reply.audioMs > reply.playedMs) {
    // There is audio, but nobody says that it was played: go on as if it was, rather than hang.
    emit(draft, { type: 'note', text: `no playback mark for ${silentMs} ms` });
    return played(draft, reply.id, reply.audioMs);
  }
  const waitsForText = reply.thinking || reply.runningTools.length > 0;
  if (!waitsForText)
    return apologise(draft, 'text-to-speech', '', `silent for ${silentMs} ms after it got text`);
  if (reply.stalls > 0) return apologise(draft, 'language-model', '', `silent for ${silentMs} ms`);
  emit(draft, { type: 'note', text: `nothing to say for ${silentMs} ms: bridged` });
  patchReply(draft, reply.id, { stalls: 1, progressMs: draft.nowMs, unspoken: '' });
  speakMore(draft, reply.id, reply.unspoken === '' ? `${policy.texts.filler} ` : reply.unspoken);
}
