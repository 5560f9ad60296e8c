import type { ContextItem } from '#contracts/language-model.ts';
import type { Waterfall } from '#protocol/calls.ts';
import { emit, patch, patchReply, wholeMs } from './draft.ts';
import type { Draft } from './draft.ts';
import { heardText, isAllHeard, resumeFromMs, unheardText } from './policies/heard.ts';
import { hasWords } from './policies/words.ts';
import type { Moments, PreparedSpeech, Reply, ToolCall } from './state.ts';
import { TOOL_RESULTS } from './tools.ts';

type Opening = Pick<Reply, 'kind' | 'answers' | 'interruptible' | 'speechEndMs' | 'afterwards'> & {
  /** On trial: its audio is held until `confirmReply`. */
  readonly trial: boolean;
};

/** Begins a reply. There is never a second one: what was still being said is given up first. */
export function openReply(draft: Draft, opening: Opening): Reply {
  closeReply(draft, 'discarded');
  const { trial, ...rest } = opening;
  const reply: Reply = {
    ...rest,
    id: draft.state.nextReplyId,
    thinking: false,
    runningTools: [],
    waitingTools: [],
    lineTools: [],
    toolsSinceMs: 0,
    toolFillerSaid: false,
    toolContext: [],
    toolsShown: 0,
    unspoken: '',
    text: '',
    textDone: false,
    speechDone: false,
    audioMs: 0,
    words: [],
    playedMs: 0,
    audio: trial ? { is: 'held' } : { is: 'flowing' },
    dueSinceMs: trial ? null : (opening.speechEndMs ?? draft.nowMs),
    moments: trial || opening.speechEndMs === null ? {} : { endDecidedMs: draft.nowMs },
    heardSinceMs: null,
    progressMs: draft.nowMs,
    notedSilenceMs: null,
    soundDueSinceMs: null,
    stalls: 0,
  };
  patch(draft, { reply, nextReplyId: reply.id + 1 });
  if (!trial) emit(draft, { type: 'release-audio', replyId: reply.id, fromMs: 0 });
  return reply;
}

/** Thinks of an answer to what the caller said; `spoken` joins the context only when the turn is certain. */
export function answer(
  draft: Draft,
  spoken: string | null,
  options: { readonly trial: boolean; readonly speechEndMs: number | null },
): void {
  const reply = openReply(draft, {
    kind: 'answer',
    answers: spoken,
    interruptible: true,
    afterwards: 'listen',
    ...options,
  });
  patchReply(draft, reply.id, { thinking: true });
  const context: readonly ContextItem[] =
    options.trial && spoken !== null
      ? [...draft.state.context, { role: 'caller', text: spoken }]
      : draft.state.context;
  emit(draft, { type: 'think', replyId: reply.id, context });
}

/** Says a text that is known already. */
export function say(
  draft: Draft,
  text: string,
  options: Pick<Reply, 'kind' | 'interruptible' | 'afterwards'>,
): void {
  const reply = openReply(draft, { answers: null, speechEndMs: null, trial: false, ...options });
  patchReply(draft, reply.id, { text, textDone: true, soundDueSinceMs: draft.nowMs });
  emit(draft, { type: 'speak', replyId: reply.id, text });
  emit(draft, { type: 'finish-speaking', replyId: reply.id });
}

/** Says what needs no vendor, and ends the call after it. */
export function sayPrepared(draft: Draft, speech: PreparedSpeech, text: string): void {
  const reply = openReply(draft, {
    kind: 'prepared',
    answers: null,
    speechEndMs: null,
    trial: false,
    interruptible: false,
    afterwards: 'end',
  });
  patchReply(draft, reply.id, { text, textDone: true, soundDueSinceMs: draft.nowMs });
  emit(draft, { type: 'speak-prepared', replyId: reply.id, speech });
}

/** The caller has finished: what was prepared on trial may be heard, and its tools may run. */
export function confirmReply(draft: Draft, speechEndMs: number): void {
  const { reply } = draft.state;
  if (reply?.audio.is !== 'held') return;
  patchReply(draft, reply.id, {
    audio: { is: 'flowing' },
    dueSinceMs: speechEndMs,
    progressMs: draft.nowMs,
    speechEndMs,
    moments: { ...reply.moments, endDecidedMs: draft.nowMs },
    waitingTools: [],
  });
  emit(draft, { type: 'release-audio', replyId: reply.id, fromMs: 0 });
  for (const call of reply.waitingTools) runTool(draft, reply.id, call);
}

/** Runs a tool for a reply that is certain; its call joins what the model sees next. */
export function runTool(draft: Draft, replyId: number, call: ToolCall): void {
  const { reply } = draft.state;
  if (reply?.id !== replyId) return;
  patchReply(draft, replyId, {
    runningTools: [...reply.runningTools, call],
    toolContext: [...reply.toolContext, callItem(call)],
    toolsSinceMs: draft.nowMs,
  });
  const { callId, name } = call;
  emit(draft, { type: 'run-tool', replyId, callId, name, arguments: call.arguments });
}

/** The caller's voice came up: off the line, until it is clear whether they mean to speak. */
export function pauseReply(draft: Draft): void {
  const { reply } = draft.state;
  if (reply?.audio.is !== 'flowing') return;
  patchReply(draft, reply.id, { audio: { is: 'paused', sinceMs: draft.nowMs } });
  emit(draft, { type: 'hold-audio', replyId: reply.id });
}

/** A false alarm: on from the first word that was not heard to its end. */
export function resumeReply(draft: Draft): void {
  const { reply } = draft.state;
  if (reply?.audio.is !== 'paused') return;
  const fromMs = resumeFromMs(reply);
  patchReply(draft, reply.id, {
    audio: { is: 'flowing' },
    dueSinceMs: draft.nowMs,
    progressMs: draft.nowMs,
    playedMs: fromMs,
  });
  emit(draft, { type: 'release-audio', replyId: reply.id, fromMs });
  if (reply.heardSinceMs !== null) emit(draft, { type: 'resumed' });
}

/**
 * Ends a reply. If any of it was heard it becomes a turn, and its heard words become context;
 * a reply that nobody heard leaves no trace.
 */
export function closeReply(draft: Draft, how: 'finished' | 'interrupted' | 'discarded'): void {
  const { reply } = draft.state;
  if (!reply) return;
  if (reply.thinking) emit(draft, { type: 'stop-thinking', replyId: reply.id });
  stopTools(draft, reply);
  if (how !== 'finished') emit(draft, { type: 'stop-speaking', replyId: reply.id });

  const heard = heardText(reply);
  if (how === 'interrupted' && reply.heardSinceMs !== null)
    emit(draft, { type: 'interrupted', heard, unheard: unheardText(reply, heard) });
  patch(draft, {
    reply: null,
    quietSinceMs: draft.nowMs,
    context: [...draft.state.context, ...contextOf(reply, heard, how === 'finished')],
  });
  if (reply.heardSinceMs === null) return;
  const offLineMs = reply.audio.is === 'paused' ? reply.audio.sinceMs : draft.nowMs;
  emit(draft, {
    type: 'record-turn',
    turn: {
      index: draft.state.turnCount,
      role: 'agent',
      text: (reply.text + reply.unspoken).trim(),
      heard,
      interrupted: how !== 'finished',
      start_ms: wholeMs(reply.heardSinceMs),
      end_ms: wholeMs(Math.max(reply.heardSinceMs, offLineMs)),
      waterfall_ms: waterfall(reply.moments, reply.speechEndMs),
    },
  });
  patch(draft, { turnCount: draft.state.turnCount + 1 });
}

/** Calls off what may be called off. */
export function stopTools(draft: Draft, reply: Reply): void {
  const callIds = reply.runningTools.filter((call) => !call.lasting).map((call) => call.callId);
  if (callIds.length > 0) emit(draft, { type: 'stop-tools', replyId: reply.id, callIds });
}

export const callItem = ({ callId, name, arguments: json }: ToolCall): ContextItem => ({
  role: 'tool-call',
  callId,
  name,
  arguments: json,
});

export const resultItem = ({ callId }: ToolCall, result: string): ContextItem => ({
  role: 'tool-result',
  callId,
  result,
});

/**
 * A reply as the model is to see it: no tool call without a result, no word that was not heard, no
 * hang-up that did not come about, and nothing at all of a trial.
 */
function contextOf(reply: Reply, heard: string, finished: boolean): readonly ContextItem[] {
  if (reply.audio.is === 'held') return [];
  const cameAbout = (result: string): boolean => {
    if (result === TOOL_RESULTS.hangUp) return finished && reply.afterwards === 'end';
    // A call that goes on was not handed over.
    if (result === TOOL_RESULTS.transferLater) return finished && reply.afterwards === 'transfer';
    return result !== TOOL_RESULTS.keysLater || finished || isAllSaid(reply);
  };
  const shown = reply.toolContext.map((item) =>
    item.role === 'tool-result' && !cameAbout(item.result)
      ? { ...item, result: TOOL_RESULTS.cancelled }
      : item,
  );
  const unfinished = reply.runningTools.map((call) =>
    resultItem(call, call.lasting ? TOOL_RESULTS.goesOn : TOOL_RESULTS.cancelled),
  );
  const neverRun = reply.lineTools.flatMap((call) => [
    callItem(call),
    resultItem(call, TOOL_RESULTS.cancelled),
  ]);
  const spoken: readonly ContextItem[] = heard === '' ? [] : [{ role: 'agent', text: heard }];
  return [...shown, ...unfinished, ...neverRun, ...spoken];
}

/** Whether the other side has come to the end of a reply that it may have done something after. */
const isAllSaid = (reply: Reply): boolean =>
  reply.textDone && (isAllHeard(reply) || !hasWords(reply.text));

function waterfall(moments: Moments, speechEndMs: number | null): Waterfall {
  if (speechEndMs === null) return {};
  const since = (atMs: number | undefined): number | undefined =>
    atMs === undefined ? undefined : Math.round(atMs - speechEndMs);
  const entries = Object.entries({
    end_decided: since(moments.endDecidedMs),
    first_token: since(moments.firstTokenMs),
    first_clause: since(moments.firstClauseMs),
    first_audio: since(moments.firstAudioMs),
    played: since(moments.playedMs),
  }).filter(([, ms]) => ms !== undefined);
  return Object.fromEntries(entries) as Waterfall;
}
