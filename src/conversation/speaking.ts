import type { Role } from '#contracts/vendor.ts';
import type { WordTime } from '#contracts/text-to-speech.ts';
import { emit, patch, patchReply } from './draft.ts';
import type { Draft } from './draft.ts';
import { apologise, endNow, endPolitely } from './ending.ts';
import { forgetBackchannel } from './hearing.ts';
import { takeClauses, takeWords } from './policies/clauses.ts';
import { silentSinceMs } from './policies/dues.ts';
import { isAllHeard } from './policies/heard.ts';
import { hasWords, isBackchannel, isClosing } from './policies/words.ts';
import { closeReply, say } from './reply.ts';
import { current, speakMore, thinkOn } from './rounds.ts';
import { isLineTaken, turnText } from './state.ts';
import type { Reply } from './state.ts';
import { giveUpTools, takeLine } from './tool-calls.ts';

/** How often a silence is bridged before something is given up: a tool may take longer than a thought. */
const BRIDGES = { thinking: 1, thinkingAfterTool: 2, tool: 3 } as const;

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

export function replyDone(draft: Draft, replyId: number): void {
  const reply = current(draft, replyId);
  if (!reply?.thinking) return;
  patchReply(draft, replyId, { thinking: false });
  thinkOn(draft, replyId);
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
  fallenSilent(draft, 'text-to-speech', 'no sound was made for the text');
}

export function played(draft: Draft, replyId: number, playedMs: number): void {
  const reply = current(draft, replyId);
  if (!reply || reply.audio.is === 'held' || playedMs <= 0) return;
  const isOurs = draft.state.policy.sound === 'ours';
  // Of another's sound the length is a guess, and nothing is heard before it was asked for.
  const earliestMs = isOurs ? 0 : (reply.moments.firstAudioMs ?? 0);
  const startedMs = Math.max(earliestMs, draft.nowMs - playedMs);
  patchReply(draft, replyId, {
    audioMs: Math.max(reply.audioMs, playedMs),
    // Who speaks may find that less was heard than it thought.
    playedMs: isOurs ? Math.max(reply.playedMs, playedMs) : playedMs,
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
  const { phase, caller, policy } = draft.state;
  // Where the sound is not ours, a voice without words is not ours to wait for.
  const isSilent = caller.voice === 'silent' || policy.sound === 'theirs';
  const isQuiet = !caller.turn && caller.keys === '' && isSilent;
  if (phase.name === 'talking' && !draft.state.reply && isQuiet) sayNext(draft);
}

/** Nobody speaks: ask once or twice, then say goodbye. What the owner wants said comes first. */
export function idle(draft: Draft): void {
  if (sayNext(draft)) return;
  const { idlePrompts, policy } = draft.state;
  const prompt = policy.idle.prompts.filter(hasWords)[idlePrompts];
  if (prompt === undefined) return endPolitely(draft, 'silence', policy.idle.goodbye);
  patch(draft, { idlePrompts: idlePrompts + 1 });
  say(draft, prompt, { kind: 'prompt', interruptible: true, afterwards: 'listen' });
}

function isOver(reply: Reply): boolean {
  const { is } = reply.audio;
  if (is === 'held' || !reply.textDone) return false;
  // Whoever speaks now may be about to say no to what comes next.
  if (is === 'paused' && reply.lineTools.length > 0) return false;
  const needsNoWords = reply.afterwards === 'end' || reply.lineTools.length > 0;
  return isAllHeard(reply) || (needsNoWords && !hasWords(reply.text));
}

/** The last sample was heard. */
function finish(draft: Draft, reply: Reply): void {
  if (draft.state.policy.sound === 'theirs') {
    // What comes after the last word is the other side's to do, or to leave.
    const isAll = draft.state.phase.name === 'talking' && reply.afterwards === 'listen';
    return isAll ? closeReply(draft, 'finished') : undefined;
  }
  const { turn } = draft.state.caller;
  const text = turn ? turnText(turn) : '';
  const isTalking = draft.state.phase.name === 'talking';
  // Whoever said more than goodbye during the agent's last words is not hung up on, nor handed over.
  const hasObjection = isTalking && !isBackchannel(text) && !isClosing(text);
  if (isTalking && !hasObjection && reply.lineTools.length > 0) return takeLine(draft, reply);
  if (hasObjection) patchReply(draft, reply.id, { afterwards: 'listen' });
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
  const isOurs = policy.sound === 'ours';
  const waitsForTool = reply.runningTools.length > 0;
  if (!isOurs && !reply.thinking && !waitsForTool) return outOfPatience(draft, reply);
  if (isOurs && reply.audioMs > reply.playedMs) {
    // There is audio, but nobody says that it was played: go on as if it was, rather than hang.
    emit(draft, { type: 'note', text: `no playback mark for ${silentMs} ms` });
    return played(draft, reply.id, reply.audioMs);
  }
  if (!reply.thinking && !waitsForTool)
    return fallenSilent(draft, 'text-to-speech', `silent for ${silentMs} ms after it got text`);
  const isVoiceless = reply.soundDueSinceMs !== null;
  const thinking = reply.toolContext.length > 0 ? 'thinkingAfterTool' : 'thinking';
  const hasBridgedEnough = reply.stalls >= BRIDGES[waitsForTool ? 'tool' : thinking];
  if (waitsForTool && !isVoiceless && (hasBridgedEnough || isLineTaken(reply)))
    return giveUpTools(draft, reply);
  if (hasBridgedEnough) {
    const role = isVoiceless ? 'text-to-speech' : 'language-model';
    return fallenSilent(draft, role, `silent for ${silentMs} ms`);
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

/** The agent is silent though it is its turn: whoever reads the journal sees what it waits for. */
export function noteSilence(draft: Draft): void {
  const { reply, policy } = draft.state;
  if (!reply) return;
  const sinceMs = silentSinceMs(reply);
  patchReply(draft, reply.id, { notedSilenceMs: sinceMs });
  const named = (role: Role): string =>
    [role, policy.vendorNames[role] ?? []].flat().join(', ').replaceAll('-', ' ');
  const tools = reply.runningTools.map((call) => call.name).join(', ');
  const waitsFor =
    reply.audioMs > reply.playedMs
      ? 'playback marks'
      : reply.soundDueSinceMs !== null
        ? named('text-to-speech')
        : tools !== ''
          ? `a tool: ${tools}`
          : named(reply.thinking ? 'language-model' : 'text-to-speech');
  emit(draft, {
    type: 'note',
    text: `silent for ${Math.round(draft.nowMs - sinceMs)} ms: waiting for ${waitsFor}`,
  });
}

/**
 * All was given to the other side to say, which should be through with it. It was to hang up then and
 * has not, or the owner has something to say.
 */
function outOfPatience(draft: Draft, reply: Reply): void {
  if (reply.afterwards === 'end') return endNow(draft, 'agent_hangup', null);
  sayNext(draft);
}

/** A vendor that does nothing without saying that it failed. */
const fallenSilent = (draft: Draft, role: Role, message: string): void =>
  apologise(draft, role, draft.state.policy.vendorNames[role] ?? '', message);
