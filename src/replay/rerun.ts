import type { Effect } from '#conversation/effect.ts';
import type { Input } from '#conversation/input.ts';
import { dues } from '#conversation/policies/dues.ts';
import type { Conversation } from '#conversation/state.ts';
import { step } from '#conversation/step.ts';
import type { TimerName } from '#conversation/timer-name.ts';
import { timerNames } from '#conversation/timer-name.ts';
import type { EndReason, Turn } from '#protocol/calls.ts';
import type { Asks, Firing } from './asks.ts';
import { firingKey } from './asks.ts';
import { createQueue } from './queue.ts';
import type { Assumption, Event } from './recorded-event.ts';
import { createRecordedWorld } from './recorded-world.ts';

/** A part of a call that was led again without a break. */
export type Rerun = {
  readonly turns: readonly RerunTurn[];
  readonly effects: readonly (Effect & { readonly atMs: number })[];
  readonly end: RerunEnd;
};

export type RerunTurn = {
  readonly turn: Turn;
  /** The recorded reply whose words and sound it has; undefined for a caller's turn. */
  readonly replyId: number | undefined;
  readonly assumptions: readonly Assumption[];
};

export type RerunEnd =
  | { readonly is: 'ended'; readonly atMs: number; readonly reason: EndReason }
  /** From here on nobody knows: what would be asked for was never asked for. */
  | {
      readonly is: 'unknown';
      readonly atMs: number;
      readonly why: string;
      /** The call would be over for a reason that is known. */
      readonly ending: EndReason | undefined;
    }
  /** The journal has nothing more. */
  | { readonly is: 'out-of-journal'; readonly atMs: number };

/** Whether nothing is going on: nobody speaks, and nobody is to be answered. */
export const isCalm = ({ phase, reply, caller }: Conversation): boolean =>
  phase.name === 'talking' && !reply && !caller.turn && caller.keys === '';

/** More than any call has: a conversation that goes round in circles is a fault. */
const STEPS_MAX = 200_000;

/**
 * Leads a recorded call again from a state on, in the time of the recording: the caller's side comes as
 * it came; timers are those of the conversation; what it asks of vendors and of the line is answered as
 * it was then, as long after the question as it was then. Stops where there is no such answer.
 *
 * @param from the recorded step that led to `state`; -1: the beginning of the call
 */
export function rerun(
  asks: Asks,
  start: { readonly state: Conversation; readonly from: number; readonly atMs: number },
): Rerun {
  const queue = createQueue<Event>();
  const turns: RerunTurn[] = [];
  const effects: (Effect & { atMs: number })[] = [];
  const fired = new Set<Firing>();
  let state = start.state;
  let nowMs = start.atMs;
  let unknown: string | undefined;

  const world = createRecordedWorld({
    asks,
    queue,
    now: () => nowMs,
    reply: () => state.reply,
    leave: (why) => void (unknown ??= why),
  });

  const setTimer = (name: TimerName, dueMs: number): void => {
    queue.remove((event) => event.is === 'timer' && event.name === name);
    const firing = asks.firings
      .get(firingKey(name, dueMs))
      ?.find((one) => !fired.has(one) && one.atMs >= nowMs && one.stepIndex > start.from);
    queue.add(firing?.atMs ?? dueMs, firing?.stepIndex ?? Infinity, {
      is: 'timer',
      name,
      ...(firing && { firing }),
    });
  };

  const carryOut = (effect: Effect, before: Conversation): void => {
    switch (effect.type) {
      case 'set-timer':
        return setTimer(effect.name, nowMs + effect.afterMs);
      case 'cancel-timer':
        return queue.remove((event) => event.is === 'timer' && event.name === effect.name);
      case 'record-turn': {
        const isAgent = effect.turn.role === 'agent';
        const of = isAgent && before.reply ? world.recordedOf(before.reply.id) : undefined;
        const { replyId, assumptions = [] } = of ?? {};
        return void turns.push({ turn: effect.turn, replyId, assumptions });
      }
      default:
        return world.carryOut(effect);
    }
  };

  const take = (input: Input): void => {
    const before = state;
    const [next, done] = step(before, input);
    state = next;
    for (const effect of done) effects.push({ ...effect, atMs: nowMs });
    for (const effect of done) if (unknown === undefined) carryOut(effect, before);
  };

  for (const { input, stepIndex } of asks.ofTheCaller)
    if (stepIndex > start.from) queue.add(input.atMs, stepIndex, { is: 'input', input });
  if (start.from >= 0) {
    world.goOn(start.from);
    const due = dues(state);
    state = { ...state, timers: due };
    for (const name of timerNames) {
      const dueMs = due[name];
      if (dueMs !== undefined) setTimer(name, Math.max(nowMs, dueMs));
    }
  }

  const ended = (end: RerunEnd): Rerun => ({ turns, effects, end });
  for (let count = 0; count < STEPS_MAX; count += 1) {
    const next = queue.take();
    if (!next || (next.item.is === 'timer' && next.atMs > asks.untilMs))
      return ended({ is: 'out-of-journal', atMs: nowMs });
    nowMs = Math.max(nowMs, next.atMs);
    const { item } = next;
    if (item.is === 'timer') {
      if (item.firing) fired.add(item.firing);
      take({ type: 'timer', name: item.name, atMs: nowMs });
    } else if (item.is === 'input') {
      take({ ...item.input, atMs: nowMs });
      if (unknown === undefined) world.afterwards(item);
    } else world.runDry(item);
    const { phase } = state;
    if (unknown !== undefined) {
      const ending = phase.name === 'ending' ? phase.reason : undefined;
      return ended({ is: 'unknown', atMs: nowMs, why: unknown, ending });
    }
    if (phase.name === 'ended') return ended({ is: 'ended', atMs: nowMs, reason: phase.reason });
  }
  throw new Error(`a rerun goes round in circles at ${Math.round(nowMs)} ms`);
}
