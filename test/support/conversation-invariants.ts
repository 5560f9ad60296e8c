import { expect } from 'vitest';
import type { ContextItem } from '#contracts/language-model.ts';
import type { Effect } from '#conversation/effect.ts';
import type { Input } from '#conversation/input.ts';
import { callState, turnText } from '#conversation/state.ts';
import type { Conversation } from '#conversation/state.ts';
import { step } from '#conversation/step.ts';
import { callStates } from '#protocol/voice-channel.ts';
import type { Turn } from '#protocol/calls.ts';
import type { TimerName } from '#conversation/timer-name.ts';

/** What happened to one reply so far. */
type Trace = {
  thinking: boolean;
  hasText: boolean;
  released: boolean;
  stopped: boolean;
  speechDone: boolean;
};

/**
 * `step`, watched: throws as soon as one of the promises of the conversation is broken, whatever the
 * inputs were.
 */
export function watchedStep(): (
  state: Conversation,
  input: Input,
) => readonly [Conversation, readonly Effect[]] {
  const traces = new Map<number, Trace>();
  const turns: Turn[] = [];
  const timers = new Set<TimerName>();
  let newest = 0;

  const traceOf = (replyId: number): Trace => {
    const known = traces.get(replyId);
    if (known) return known;
    const trace = {
      thinking: false,
      hasText: false,
      released: false,
      stopped: false,
      speechDone: false,
    };
    traces.set(replyId, trace);
    return trace;
  };

  /** Nothing of an older reply may begin once a newer one has, or once it was stopped. */
  const begins = (replyId: number): Trace => {
    if (replyId < newest) throw new Error(`reply ${replyId} goes on beside reply ${newest}`);
    newest = replyId;
    const trace = traceOf(replyId);
    if (trace.stopped) throw new Error(`reply ${replyId} goes on after it was stopped`);
    return trace;
  };

  const watch = (effect: Effect): void => {
    switch (effect.type) {
      case 'think':
        begins(effect.replyId).thinking = true;
        return expectPaired(effect.context);
      case 'stop-thinking':
        return void (traceOf(effect.replyId).thinking = false);
      case 'speak':
      case 'speak-prepared':
        return void (begins(effect.replyId).hasText = true);
      case 'finish-speaking':
      case 'run-tool':
        return void begins(effect.replyId);
      case 'stop-speaking': {
        const trace = traceOf(effect.replyId);
        trace.stopped = true;
        trace.released = false;
        return;
      }
      case 'hold-audio': {
        const trace = begins(effect.replyId);
        if (!trace.released) throw new Error('held a reply that was not on the line');
        trace.released = false;
        return;
      }
      case 'release-audio': {
        const trace = begins(effect.replyId);
        if (trace.released) throw new Error('released a reply that is on the line');
        if (!(effect.fromMs >= 0)) throw new Error(`released from ${effect.fromMs}`);
        trace.released = true;
        return;
      }
      case 'set-timer':
        if (!(effect.afterMs >= 0)) throw new Error(`timer in ${effect.afterMs} ms`);
        return void timers.add(effect.name);
      case 'cancel-timer':
        if (!timers.delete(effect.name))
          throw new Error(`cancelled ${effect.name}, which is not set`);
        return;
      case 'record-turn':
        expect(effect.turn.index).toBe(turns.length);
        if (effect.turn.end_ms < effect.turn.start_ms)
          throw new Error('a turn ends before it begins');
        return void turns.push(effect.turn);
      case 'end-call':
        if (timers.size > 0) throw new Error(`timers left: ${[...timers].join(', ')}`);
        return;
      default:
        return;
    }
  };

  return (state, input) => {
    if (input.type === 'timer') timers.delete(input.name);
    const [next, effects] = step(deepFreeze(state), input);
    const stored: Conversation = JSON.parse(JSON.stringify(state));
    const again = step(stored, input);
    expect(JSON.stringify(again)).toBe(JSON.stringify([next, effects]));
    if (state.phase.name === 'ended') {
      expect(next).toBe(state);
      expect(effects).toEqual([]);
      return [next, effects];
    }

    const before = state.reply;
    if (before && 'replyId' in input && input.replyId === before.id) {
      const trace = traceOf(before.id);
      if (input.type === 'reply-done') trace.thinking = false;
      if (input.type === 'vendor-failed' && input.role === 'language-model') trace.thinking = false;
      if (input.type === 'speech-done' && before.textDone) trace.speechDone = true;
    }
    for (const effect of effects) watch(effect);
    const ends = effects.findIndex(({ type }) => type === 'end-call');
    expect(ends).toBe(next.phase.name === 'ended' ? effects.length - 1 : -1);

    for (const [replyId, trace] of traces) {
      if (next.reply?.id === replyId) continue;
      if (trace.thinking) throw new Error(`reply ${replyId} thinks on after it was closed`);
      if (trace.hasText && !trace.stopped && !trace.speechDone)
        throw new Error(`reply ${replyId} speaks on after it was closed`);
      traces.delete(replyId);
    }
    expectSound(next, turns);
    if (Object.keys(next.timers).toSorted().join() !== [...timers].toSorted().join())
      throw new Error('the state does not know its timers');
    return [next, effects];
  };
}

/** What is true of every state. */
function expectSound(state: Conversation, turns: readonly Turn[]): void {
  const { phase, reply, caller, context, timers } = state;
  expect(callStates).toContain(callState(state));
  expect(state.turnCount).toBe(turns.length);
  expectPaired(context);
  const said = (role: 'agent' | 'caller'): readonly string[] =>
    context.flatMap((item) => (item.role === role ? item.text : []));
  const heard = (role: 'agent' | 'caller'): readonly string[] =>
    turns.flatMap((turn) => (turn.role === role && turn.heard !== '' ? turn.heard : []));
  expect(said('agent')).toEqual(heard('agent'));
  expect(said('caller')).toEqual(heard('caller'));
  if (caller.turn && turnText(caller.turn).trim() === '') throw new Error('a turn without words');
  if (reply?.audio.is === 'held' && reply.heardSinceMs !== null)
    throw new Error('a trial was heard');
  if (phase.name === 'talking') {
    if (reply?.audio.is === 'held' && !caller.turn) throw new Error('a trial for nothing');
    // Nobody ever waits for something that need not come. Silence is its to notice who owns the sound.
    const isOurs = state.policy.sound === 'ours';
    if (isOurs && Object.keys(timers).every((name) => name === 'max-duration'))
      throw new Error('waits for nothing');
    if (!('max-duration' in timers)) throw new Error('may last for ever');
  }
  if (phase.name === 'ended') expect([reply, caller.turn, timers]).toEqual([null, null, {}]);
}

/** Every tool call is followed by its one result, and no result comes without a call. */
function expectPaired(context: readonly ContextItem[]): void {
  const open = new Set<string>();
  for (const item of context) {
    if (item.role === 'tool-call') {
      if (open.has(item.callId)) throw new Error(`tool call ${item.callId} twice`);
      open.add(item.callId);
    }
    if (item.role === 'tool-result' && !open.delete(item.callId))
      throw new Error(`tool result ${item.callId} without a call`);
  }
  if (open.size > 0) throw new Error(`tool calls without a result: ${[...open].join(', ')}`);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
