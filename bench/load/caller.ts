import { PHONE_FRAME_BYTES, phoneMs } from '#audio/g711.ts';
import { createAnswer } from './answer.ts';
import type { Answer } from './answer.ts';
import type { MediaLine } from './media-line.ts';
import { lastAudible, SILENT_FRAME } from './voice.ts';
import type { SpokenTurn } from './voice.ts';

/** What a caller does next: says a line, and perhaps cuts in on its answer with another one. */
export type Plan = {
  readonly turn: SpokenTurn;
  /** How long the answer is heard before it is cut in on; undefined: to its end. */
  readonly cutIn?: { readonly afterMs: number; readonly turn: SpokenTurn };
};

/** One turn as the caller's ear had it. Times are the machine's monotonic clock. */
export type HeardTurn = {
  readonly line: string;
  readonly reply: string;
  /** End of the last word the caller said. */
  readonly spokenAtMs: number;
  /** When the first sound of the answer came in, and when it was played; undefined: it never was. */
  readonly arrivedAtMs: number | undefined;
  readonly heardAtMs: number | undefined;
  readonly gapsMs: readonly number[];
  /** `late`: as it should be, but more than 3 s after the caller's last word. */
  readonly outcome: 'right' | 'late' | 'wrong' | 'silent';
};

/** From the first word of a cut-in to the last sound of the answer; undefined: it was not silenced. */
export type CutIn = { readonly silentAfterMs: number | undefined };

const ANSWER_WITHIN_MS = 5_000;
const LATE_MS = 3_000;
/** Silence after which the agent has stopped. */
const SILENCED_MS = 400;
/** Silence after which something is over that was not what was expected. */
const QUIET_MS = 800;
const TURN_EVERY_MS = 6_000;
/** A caller thinks for at least so long before the next line. */
const PAUSE_MS = 300;

type State =
  | { readonly name: 'greeted' }
  | { readonly name: 'waiting'; readonly untilMs: number }
  | { readonly name: 'talking'; readonly plan: Plan; nextFrame: number }
  | { readonly name: 'listening'; readonly plan: Plan }
  | { readonly name: 'settling'; quietMs: number };

/**
 * A caller who talks by a script and listens to every sample. `step` is to be called every 20 ms.
 * The greeting is heard to its end before the first line, and a turn begins every 6 s at most.
 */
export function createCaller(parts: {
  readonly line: MediaLine;
  readonly greeting: Uint8Array;
  /** Undefined: nothing more is said. */
  readonly next: () => Plan | undefined;
  readonly onTurn: (turn: HeardTurn) => void;
  readonly onCutIn?: (cutIn: CutIn) => void;
  /** After the greeting; callers do not all speak at once. */
  readonly firstPauseMs: number;
}): { step(nowMs: number): void } {
  const { line } = parts;
  const frame = new Uint8Array(PHONE_FRAME_BYTES);
  let state: State = { name: 'greeted' };
  let startedAtMs = -Infinity;
  let spokenAtMs = 0;
  let answer: Answer | undefined = createAnswer(parts.greeting);
  let cut: { readonly atMs: number; lastSoundMs: number } | undefined;

  const waitFor = (nowMs: number, pauseMs: number): State => ({
    name: 'waiting',
    untilMs: Math.max(nowMs + pauseMs, startedAtMs + TURN_EVERY_MS),
  });

  const say = (nowMs: number): void => {
    if (state.name !== 'talking') return line.say(SILENT_FRAME);
    const { turn } = state.plan;
    const beganMs = state.nextFrame * 20;
    line.say(turn.frames[state.nextFrame] ?? SILENT_FRAME);
    if (beganMs <= turn.wordsEndMs && turn.wordsEndMs < beganMs + 20) {
      // A frame is sent at its end.
      spokenAtMs = nowMs - 20 + (turn.wordsEndMs - beganMs);
      if (cut) cutInHeard(undefined);
      line.expect();
      answer = createAnswer(turn.replyAudio);
    }
    state.nextFrame += 1;
    if (state.nextFrame >= turn.frames.length) state = { name: 'listening', plan: state.plan };
  };

  const cutInHeard = (silentAfterMs: number | undefined): void => {
    cut = undefined;
    parts.onCutIn?.({ silentAfterMs });
  };

  const listenForSilence = (heard: Uint8Array, nowMs: number): void => {
    if (!cut) return;
    const last = lastAudible(heard);
    if (last >= 0) cut.lastSoundMs = nowMs + phoneMs(last + 1);
    else if (nowMs - cut.lastSoundMs >= SILENCED_MS) cutInHeard(cut.lastSoundMs - cut.atMs);
  };

  const listen = (plan: Plan, to: Answer, nowMs: number): State => {
    const { heardAtMs, gapsMs, verdict } = to;
    const { line: said, reply } = plan.turn;
    const over = (outcome: HeardTurn['outcome']): void => {
      answer = undefined;
      const arrivedAtMs = line.soundAtMs;
      parts.onTurn({ line: said, reply, spokenAtMs, arrivedAtMs, heardAtMs, gapsMs, outcome });
    };
    if (heardAtMs === undefined) {
      if (nowMs - spokenAtMs < ANSWER_WITHIN_MS) return { name: 'listening', plan };
      over('silent');
      return { name: 'settling', quietMs: 0 };
    }
    if (plan.cutIn && nowMs - heardAtMs >= plan.cutIn.afterMs) {
      over('right');
      const { turn } = plan.cutIn;
      cut = { atMs: nowMs + turn.wordsStartMs, lastSoundMs: nowMs };
      startedAtMs = nowMs;
      return { name: 'talking', plan: { turn }, nextFrame: 0 };
    }
    if (!verdict) return { name: 'listening', plan };
    over(verdict === 'right' && heardAtMs - spokenAtMs > LATE_MS ? 'late' : verdict);
    return verdict === 'right' ? waitFor(nowMs, PAUSE_MS) : { name: 'settling', quietMs: 0 };
  };

  return {
    step(nowMs) {
      say(nowMs);
      const heard = frame.subarray(0, line.play(frame));
      listenForSilence(heard, nowMs);
      answer?.take(heard, nowMs);
      switch (state.name) {
        case 'greeted':
          if (answer?.verdict === undefined) return;
          answer = undefined;
          state = waitFor(nowMs, parts.firstPauseMs);
          return;
        case 'waiting': {
          const plan = nowMs < state.untilMs ? undefined : parts.next();
          if (!plan) return;
          startedAtMs = nowMs;
          state = { name: 'talking', plan, nextFrame: 0 };
          return;
        }
        case 'listening':
          if (answer) state = listen(state.plan, answer, nowMs);
          return;
        case 'settling':
          state.quietMs = lastAudible(heard) >= 0 ? 0 : state.quietMs + 20;
          if (state.quietMs >= QUIET_MS) state = waitFor(nowMs, PAUSE_MS);
          return;
        case 'talking':
          return;
      }
    },
  };
}
