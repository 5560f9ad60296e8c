import type { WordTime } from '#contracts/text-to-speech.ts';
import { emit, patch, patchReply } from './draft.ts';
import type { Draft } from './draft.ts';
import { apologise, endNow } from './ending.ts';
import { forgetBackchannel } from './hearing.ts';
import { takeClauses, takeWords } from './policies/clauses.ts';
import { isAllHeard } from './policies/heard.ts';
import { hasWords, isBackchannel, isClosing } from './policies/words.ts';
import { closeReply, HANG_UP_RESULT, runTool, say } from './reply.ts';
import { turnText } from './state.ts';
import type { Reply, ToolCall } from './state.ts';

/** The tool with which the agent hangs up. It is part of the conversation: no session runs it. */
export const END_CALL_TOOL = 'end_call';

/** A model that calls one tool after the other is stopped here (a call and its result are two). */
const LONGEST_TOOL_CONTEXT = 32;
/** How often a silence is bridged before it counts as failure: a tool may take longer than a thought. */
const BRIDGES = { thinking: 1, tool: 3 } as const;

const current = (draft: Draft, replyId: number): Reply | undefined =>
  draft.state.reply?.id === replyId ? draft.state.reply : undefined;

export function replyDelta(draft: Draft, replyId: number, text: string): void {
  const reply = current(draft, replyId);
  if (!reply?.thinking || text === '') return;
  const moments =
    reply.moments.firstTokenMs === undefined
      ? { ...reply.moments, firstTokenMs: draft.nowMs }
      : reply.moments;
  const { ready, rest } = takeClauses(reply.unspoken + text, reply.text === '');
  patchReply(draft, replyId, { moments, unspoken: rest, stalls: 0 });
  speakMore(draft, replyId, ready);
}

export function replyToolCall(draft: Draft, replyId: number, call: ToolCall): void {
  const reply = current(draft, replyId);
  if (!reply?.thinking) return;
  // A model that gives two calls one id would get one result for both.
  const known = [
    ...reply.waitingTools,
    ...reply.toolContext.filter((item) => item.role === 'tool-call'),
  ];
  if (known.some((earlier) => earlier.callId === call.callId)) return;
  if (call.name === END_CALL_TOOL) return endCall(draft, reply, call);
  speakRound(draft, replyId);
  if (reply.audio.is === 'held')
    return void patchReply(draft, replyId, { waitingTools: [...reply.waitingTools, call] });
  runTool(draft, replyId, call);
}

/** What was said before a tool is called is said while it runs; what comes after it begins anew. */
function speakRound(draft: Draft, replyId: number): void {
  const reply = current(draft, replyId);
  if (!reply || !hasWords(reply.unspoken)) return;
  patchReply(draft, replyId, { unspoken: '' });
  speakMore(draft, replyId, `${reply.unspoken.trimEnd()} `);
}

/** The agent wants to hang up: after its last words, which it may have put into the call itself. */
function endCall(draft: Draft, reply: Reply, call: ToolCall): void {
  patchReply(draft, reply.id, {
    afterwards: 'end',
    toolContext: [
      ...reply.toolContext,
      { role: 'tool-call', ...call },
      { role: 'tool-result', callId: call.callId, result: HANG_UP_RESULT },
    ],
  });
  const farewell = farewellOf(call.arguments);
  if (!hasWords(reply.text + reply.unspoken) && hasWords(farewell))
    patchReply(draft, reply.id, { unspoken: `${farewell} ` });
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
    stalls: 0,
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
  if (reply.runningTools.length + reply.waitingTools.length > 0) return speakRound(draft, replyId);
  const shown = reply.toolContext.length;
  if (reply.afterwards === 'end' || shown === reply.toolsShown || shown > LONGEST_TOOL_CONTEXT)
    return finishText(draft, replyId);
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

/** All of the text is known: what is left of it goes to be spoken. */
function finishText(draft: Draft, replyId: number): void {
  const reply = current(draft, replyId);
  if (!reply) return;
  patchReply(draft, replyId, { unspoken: '', textDone: true });
  if (hasWords(reply.unspoken)) speakMore(draft, replyId, reply.unspoken.trimEnd());
  if (hasWords(current(draft, replyId)?.text ?? ''))
    return emit(draft, { type: 'finish-speaking', replyId });
  // A hang-up without a word needs none; on trial it waits for the end of the turn.
  if (reply.afterwards === 'end') return;
  emit(draft, { type: 'note', text: 'the language model answered without a word' });
  // Once the turn is certain it may think of something.
  if (reply.audio.is === 'held') return closeReply(draft, 'discarded');
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
  patchReply(draft, replyId, {
    text: reply.text + text,
    moments,
    soundDueSinceMs: reply.soundDueSinceMs ?? draft.nowMs,
  });
  emit(draft, { type: 'speak', replyId, text });
}

export function speechAudio(draft: Draft, replyId: number, audioMs: number): void {
  const reply = current(draft, replyId);
  if (!reply || audioMs <= reply.audioMs) return;
  const first = reply.moments.firstAudioMs === undefined;
  const ranDry = reply.playedMs >= reply.audioMs;
  patchReply(draft, replyId, {
    audioMs,
    soundDueSinceMs: null,
    ...(ranDry ? { progressMs: draft.nowMs } : {}),
    ...(first ? { moments: { ...reply.moments, firstAudioMs: draft.nowMs } } : {}),
  });
}

export function speechWords(draft: Draft, replyId: number, words: readonly WordTime[]): void {
  const reply = current(draft, replyId);
  if (reply) patchReply(draft, replyId, { words: [...reply.words, ...words] });
}

export function speechDone(draft: Draft, replyId: number): void {
  const reply = current(draft, replyId);
  if (!reply?.textDone) return;
  if (reply.audioMs > 0) return void patchReply(draft, replyId, { speechDone: true });
  if (reply.audio.is === 'held') return closeReply(draft, 'discarded');
  apologise(draft, 'text-to-speech', '', 'no sound was made for the text');
}

export function played(draft: Draft, replyId: number, playedMs: number): void {
  const reply = current(draft, replyId);
  if (!reply || reply.audio.is === 'held' || playedMs <= 0) return;
  const startedMs = Math.max(0, draft.nowMs - playedMs);
  patchReply(draft, replyId, {
    audioMs: Math.max(reply.audioMs, playedMs),
    playedMs: Math.max(reply.playedMs, playedMs),
    progressMs: draft.nowMs,
    ...(reply.heardSinceMs === null
      ? { heardSinceMs: startedMs, moments: { ...reply.moments, playedMs: startedMs } }
      : {}),
  });
}

/** What follows from a state, whatever led to it: a reply that was heard is over, and the next word is the owner's. */
export function settle(draft: Draft): void {
  const { reply } = draft.state;
  if (reply && isOver(reply)) finish(draft, reply);
  const { phase, caller } = draft.state;
  const isQuiet = !caller.turn && caller.keys === '' && caller.voice === 'silent';
  if (phase.name === 'talking' && !draft.state.reply && isQuiet) sayNext(draft);
}

const isOver = (reply: Reply): boolean =>
  reply.audio.is !== 'held' &&
  reply.textDone &&
  (isAllHeard(reply) || (reply.afterwards === 'end' && !hasWords(reply.text)));

/** The last sample was heard. */
function finish(draft: Draft, reply: Reply): void {
  const { turn } = draft.state.caller;
  const text = turn ? turnText(turn) : '';
  const isTalking = draft.state.phase.name === 'talking';
  // Whoever said more than goodbye during the agent's last words is not hung up on.
  if (isTalking && !isBackchannel(text) && !isClosing(text))
    patchReply(draft, reply.id, { afterwards: 'listen' });
  const hangsUp = draft.state.reply?.afterwards === 'end';
  closeReply(draft, 'finished');
  const { phase } = draft.state;
  if (phase.name === 'ending') return endNow(draft, phase.reason, phase.detail);
  if (hangsUp) return endNow(draft, 'agent_hangup', null);
  forgetBackchannel(draft);
}

/** Says what the owner wanted said next. False: nothing. */
export function sayNext(draft: Draft): boolean {
  const [next, ...later] = draft.state.toSay;
  if (next === undefined) return false;
  patch(draft, { toSay: later });
  say(draft, next, { kind: 'say', interruptible: true, afterwards: 'listen' });
  return true;
}

/**
 * The agent is due to be heard and is not. A late thought is bridged with a few words; whatever else
 * is silent has failed.
 */
export function deadAir(draft: Draft): void {
  const { reply, policy } = draft.state;
  if (!reply) return;
  const silentMs = Math.round(draft.nowMs - reply.progressMs);
  if (reply.audioMs > reply.playedMs) {
    // There is audio, but nobody says that it was played: go on as if it was, rather than hang.
    emit(draft, { type: 'note', text: `no playback mark for ${silentMs} ms` });
    return played(draft, reply.id, reply.audioMs);
  }
  const waitsForTool = reply.runningTools.length > 0;
  if (!reply.thinking && !waitsForTool)
    return apologise(draft, 'text-to-speech', '', `silent for ${silentMs} ms after it got text`);
  if (reply.stalls >= (waitsForTool ? BRIDGES.tool : BRIDGES.thinking)) {
    const role = reply.soundDueSinceMs === null ? 'language-model' : 'text-to-speech';
    const what = waitsForTool ? 'no result of a tool' : 'silent';
    return apologise(draft, role, '', `${what} for ${silentMs} ms`);
  }
  emit(draft, { type: 'note', text: `nothing to say for ${silentMs} ms: bridged` });
  const { ready, rest } = takeWords(reply.unspoken);
  patchReply(draft, reply.id, {
    stalls: reply.stalls + 1,
    progressMs: draft.nowMs,
    unspoken: rest,
  });
  speakMore(draft, reply.id, hasWords(ready) ? ready : `${policy.texts.filler} `);
}
