import { emit, patch, patchReply } from './draft.ts';
import type { Draft } from './draft.ts';
import { endNow } from './ending.ts';
import { hasWords } from './policies/words.ts';
import { callItem, closeReply, openReply, resultItem, runTool, stopTools } from './reply.ts';
import { current, speakMore, speakRound, thinkOn } from './rounds.ts';
import { isLineTaken } from './state.ts';
import type { Reply, ToolCall } from './state.ts';
import { END_CALL_TOOL, takesLine, TOOL_RESULTS } from './tools.ts';

export function replyToolCall(draft: Draft, replyId: number, call: ToolCall): void {
  const reply = current(draft, replyId);
  if (!reply?.thinking) return;
  // A model that gives two calls one id would get one result for both.
  const known = [
    ...reply.waitingTools,
    ...reply.lineTools,
    ...reply.toolContext.filter((item) => item.role === 'tool-call'),
  ];
  if (known.some((earlier) => earlier.callId === call.callId)) return;
  if (call.name === END_CALL_TOOL) return endCall(draft, reply, call);
  speakRound(draft, replyId);
  if (takesLine(call.name))
    return void patchReply(draft, replyId, { lineTools: [...reply.lineTools, call] });
  if (reply.audio.is === 'held')
    return void patchReply(draft, replyId, { waitingTools: [...reply.waitingTools, call] });
  runTool(draft, replyId, call);
}

/** The agent wants to hang up: after its last words, which it may have put into the call itself. */
function endCall(draft: Draft, reply: Reply, call: ToolCall): void {
  patchReply(draft, reply.id, {
    afterwards: 'end',
    toolContext: [...reply.toolContext, callItem(call), resultItem(call, TOOL_RESULTS.hangUp)],
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
  const call = reply?.runningTools.find((running) => running.callId === callId);
  if (!reply || !call) return joinContext(draft, callId, result);
  patchReply(draft, replyId, {
    runningTools: reply.runningTools.filter((running) => running !== call),
    toolContext: [...reply.toolContext, resultItem(call, result)],
    // A tool that had the line gives it back.
    interruptible: reply.interruptible || takesLine(call.name),
    ...(takesLine(call.name) && { progressMs: draft.nowMs }),
    stalls: 0,
  });
  thinkOn(draft, replyId);
}

/** The result of a tool that went on after an interruption takes the place that was kept for it. */
function joinContext(draft: Draft, callId: string, result: string): void {
  const { context } = draft.state;
  const at = context.findLastIndex(
    (item) =>
      item.role === 'tool-result' && item.callId === callId && item.result === TOOL_RESULTS.goesOn,
  );
  if (at < 0) return;
  patch(draft, { context: context.with(at, { role: 'tool-result', callId, result }) });
}

/**
 * All that was said before a tool that takes the line was heard: that reply is over, and the tool has
 * one of its own, in which the model goes on with the result.
 */
export function takeLine(draft: Draft, reply: Reply): void {
  const [call, ...later] = reply.lineTools;
  if (!call) return;
  patchReply(draft, reply.id, { lineTools: [], afterwards: 'listen' });
  closeReply(draft, 'finished');
  const next = openReply(draft, {
    kind: 'answer',
    answers: null,
    speechEndMs: null,
    trial: false,
    interruptible: false,
    afterwards: 'listen',
  });
  patchReply(draft, next.id, { lineTools: later });
  runTool(draft, next.id, call);
}

/** The call is somebody else's now, also if we had given the transfer up. */
export function transferred(draft: Draft, replyId: number, callId: string, to: string): void {
  const reply = current(draft, replyId);
  const call = reply?.runningTools.find((running) => running.callId === callId);
  if (reply && call)
    patchReply(draft, replyId, {
      runningTools: reply.runningTools.filter((running) => running !== call),
      toolContext: [...reply.toolContext, resultItem(call, `The call was handed over to ${to}.`)],
    });
  endNow(draft, 'transferred', `to ${to}`);
}

/** A tool takes its time and the agent is silent: the caller hears why, once in a reply. */
export function sayToolFiller(draft: Draft): void {
  const { reply, policy } = draft.state;
  if (!reply) return;
  emit(draft, {
    type: 'note',
    text: `a tool runs for ${Math.round(draft.nowMs - reply.toolsSinceMs)} ms: said so`,
  });
  patchReply(draft, reply.id, { toolFillerSaid: true, progressMs: draft.nowMs });
  speakMore(draft, reply.id, `${policy.texts.toolFiller} `);
}

/** Tools that never give a result must not cost the caller the call: the model goes on without. */
export function giveUpTools(draft: Draft, reply: Reply): void {
  const names = reply.runningTools.map((call) => call.name).join(', ');
  emit(draft, { type: 'note', text: `given up, no result in time: ${names}` });
  stopTools(draft, reply);
  patchReply(draft, reply.id, {
    runningTools: [],
    toolContext: [
      ...reply.toolContext,
      ...reply.runningTools.map((call) => resultItem(call, TOOL_RESULTS.tooLate)),
    ],
    interruptible: reply.interruptible || isLineTaken(reply),
    progressMs: draft.nowMs,
    stalls: 0,
  });
  thinkOn(draft, reply.id);
}
