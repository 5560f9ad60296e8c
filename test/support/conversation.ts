import type { ContextItem } from '#contracts/language-model.ts';
import type { Effect } from '#conversation/effect.ts';
import type { Input } from '#conversation/input.ts';
import { policyOf } from '#conversation/policy.ts';
import type { Policy } from '#conversation/policy.ts';
import { callState, newConversation } from '#conversation/state.ts';
import type { Conversation } from '#conversation/state.ts';
import type { TimerName } from '#conversation/timer-name.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import type { Turn } from '#protocol/calls.ts';
import { fakeAgent } from './conversation-agent.ts';
import type { Thought, UntimedInput, Voice } from './conversation-agent.ts';
import { watchedStep } from './conversation-invariants.ts';

type Parts<T> = {
  readonly [K in keyof T]?: T[K] extends readonly unknown[] ? T[K] : Partial<T[K]>;
};
export type TimedEffect = Effect & { readonly atMs: number };

/** A policy without a greeting, whose recogniser leaves the end of turns to us. */
export function policyWith(change: Parts<Policy> = {}): Policy {
  const policy = policyOf(agentConfigSchema.parse({ greeting: '' }), false);
  return {
    ...policy,
    ...change,
    endpointing: { ...policy.endpointing, ...change.endpointing },
    bargeIn: { ...policy.bargeIn, ...change.bargeIn },
    idle: { ...policy.idle, ...change.idle },
    greeting: { ...policy.greeting, ...change.greeting },
    texts: { ...policy.texts, ...change.texts },
  };
}

export type TalkOptions = {
  /** What the language model answers, one thought after the other; then it stays silent. */
  readonly thoughts?: readonly (Thought | string)[];
  readonly voice?: Voice;
  /** The phone does not pick up by itself. */
  readonly unanswered?: boolean;
};

/** A conversation in virtual time with a scripted agent and a line that plays what it says; every step is watched. */
export type Talk = {
  readonly nowMs: number;
  readonly state: Conversation;
  /** `GET …/calls` would show this. */
  readonly callState: ReturnType<typeof callState>;
  readonly effects: readonly TimedEffect[];
  readonly policy: Policy;
  /** Every input with what was done about it: a journal. */
  readonly taken: readonly { readonly input: Input; readonly effects: readonly Effect[] }[];
  readonly turns: readonly Turn[];
  /** Who said what, as it was heard; a dash where the agent was cut off. */
  readonly dialogue: readonly string[];
  /** The words that left the line, by the ear of somebody listening. */
  readonly ear: string;
  /** What the model was shown each time it was asked. */
  readonly asked: readonly (readonly ContextItem[])[];
  /** What it is shown if it is asked now. */
  readonly context: readonly ContextItem[];
  /** Why the call ended; undefined while it goes on. */
  readonly ended: string | undefined;
  /** Timers that are set. */
  readonly timers: readonly TimerName[];
  of<T extends Effect['type']>(
    type: T,
  ): readonly (Extract<Effect, { type: T }> & { atMs: number })[];
  /** Lets time pass. */
  wait(ms: number): void;
  /** Lets time pass until the call ends, `limitMs` at most. */
  toEnd(limitMs?: number): void;
  send(input: UntimedInput): void;
  later(afterMs: number, run: () => void): () => void;
  /** The caller speaks from now on, 300 ms a word; waits until their voice has ended. */
  say(text: string, change?: Saying): void;
  /** A sound of the caller's that is no word. */
  cough(forMs: number): void;
  /** As `say`, in the background. */
  begin(text: string, change?: Saying): void;
};

export type Saying = {
  /** How long after the voice has ended the recogniser says that the turn is over, where it says so. */
  readonly endAfterMs?: number | null;
  readonly eagerAfterMs?: number;
  /** Too quiet for voice activity. */
  readonly unvoiced?: boolean;
};

/** Words are spoken at this pace by both sides. */
export const WORD_MS = 300;
/** Voice activity is certain of a voice, and of its end, so much later. */
const VOICE_LAG_MS = 80;
/** The recogniser knows a word so long after its end. */
const WORD_LAG_MS = 150;
/** It closes a segment by itself after this much silence. */
const SEGMENT_SILENCE_MS = 500;

export function talk(policy: Policy = policyWith(), options: TalkOptions = {}): Talk {
  let state = newConversation(policy);
  let nowMs = 0;
  let order = 0;
  type Entry = { readonly atMs: number; readonly order: number; readonly run: () => void };
  const queue = new Set<Entry>();
  const timers = new Map<TimerName, () => void>();
  const effects: TimedEffect[] = [];
  const taken: { input: Input; effects: readonly Effect[] }[] = [];
  let segment: string[] = [];
  const step = watchedStep();

  const later = (afterMs: number, run: () => void): (() => void) => {
    const entry = { atMs: nowMs + Math.max(0, afterMs), order: order++, run };
    queue.add(entry);
    return () => void queue.delete(entry);
  };

  const send = (input: UntimedInput): void => {
    const timed = { ...input, atMs: nowMs };
    const [next, done] = step(state, timed);
    if (state.phase.name !== 'ended') taken.push({ input: timed, effects: done });
    state = next;
    for (const effect of done) effects.push({ ...effect, atMs: nowMs });
    for (const effect of done) carryOut(effect);
  };

  const agent = fakeAgent(options.thoughts ?? [], options.voice ?? {}, later, send);

  const carryOut = (effect: Effect): void => {
    if (effect.type === 'set-timer') {
      timers.get(effect.name)?.();
      const fire = (): void => {
        timers.delete(effect.name);
        send({ type: 'timer', name: effect.name });
      };
      timers.set(effect.name, later(effect.afterMs, fire));
    } else if (effect.type === 'cancel-timer') {
      timers.get(effect.name)?.();
      timers.delete(effect.name);
    } else if (effect.type === 'finalize-hearing') {
      later(WORD_LAG_MS, () => closeSegment());
    } else agent.carryOut(effect);
  };

  const closeSegment = (): void => {
    if (segment.length === 0) return;
    const text = segment.join(' ');
    segment = [];
    send({ type: 'heard-final', text });
  };

  const advance = (untilMs: number, stop = (): boolean => false): void => {
    while (!stop()) {
      let next: Entry | undefined;
      for (const entry of queue)
        if (
          !next ||
          entry.atMs < next.atMs ||
          (entry.atMs === next.atMs && entry.order < next.order)
        )
          next = entry;
      if (!next || next.atMs > untilMs) break;
      queue.delete(next);
      nowMs = next.atMs;
      next.run();
    }
    if (!stop()) nowMs = untilMs;
  };

  const begin = (text: string, change: Saying = {}): void => {
    const words = text.split(' ');
    const spokenMs = words.length * WORD_MS;
    const startMs = nowMs;
    if (!change.unvoiced)
      later(VOICE_LAG_MS, () => send({ type: 'voice-started', sinceMs: startMs }));
    for (const [index, word] of words.entries())
      later((index + 1) * WORD_MS + WORD_LAG_MS, () => {
        segment.push(word);
        send({ type: 'heard-interim', text: segment.join(' ') });
      });
    if (!change.unvoiced)
      later(spokenMs + VOICE_LAG_MS, () =>
        send({ type: 'voice-stopped', sinceMs: startMs + spokenMs }),
      );
    if (!policy.endpointing.vendorDecides) {
      later(spokenMs + SEGMENT_SILENCE_MS, closeSegment);
      return;
    }
    const { eagerAfterMs, endAfterMs = 400 } = change;
    if (eagerAfterMs !== undefined)
      later(spokenMs + eagerAfterMs, () =>
        send({ type: 'heard-eager-end', text: segment.join(' ') }),
      );
    if (endAfterMs !== null)
      later(spokenMs + endAfterMs, () => {
        const spoken = segment.join(' ');
        segment = [];
        send({ type: 'heard-end', text: spoken });
      });
  };

  const of = <T extends Effect['type']>(
    type: T,
  ): readonly (Extract<Effect, { type: T }> & { atMs: number })[] =>
    effects.filter(
      (effect): effect is Extract<Effect, { type: T }> & { atMs: number } => effect.type === type,
    );

  if (!options.unanswered) send({ type: 'answered' });
  return {
    get nowMs() {
      return nowMs;
    },
    get state() {
      return state;
    },
    get callState() {
      return callState(state);
    },
    get turns() {
      return of('record-turn').map(({ turn }) => turn);
    },
    get dialogue() {
      return of('record-turn').map(
        ({ turn }) => `${turn.role}: ${turn.heard}${turn.interrupted ? ' –' : ''}`,
      );
    },
    get ear() {
      return agent.ear.join(' ');
    },
    asked: agent.asked,
    get context() {
      return state.context;
    },
    get ended() {
      return of('end-call')[0]?.reason;
    },
    get timers() {
      return [...timers.keys()];
    },
    effects,
    policy,
    taken,
    of,
    later,
    send,
    wait: (ms) => advance(nowMs + ms),
    toEnd: (limitMs = 3_600_000) => advance(nowMs + limitMs, () => state.phase.name === 'ended'),
    begin,
    cough(forMs) {
      const sinceMs = nowMs;
      later(VOICE_LAG_MS, () => send({ type: 'voice-started', sinceMs }));
      advance(nowMs + forMs);
      const untilMs = nowMs;
      later(VOICE_LAG_MS, () => send({ type: 'voice-stopped', sinceMs: untilMs }));
    },
    say(text, change = {}) {
      begin(text, change);
      advance(nowMs + text.split(' ').length * WORD_MS);
    },
  };
}
