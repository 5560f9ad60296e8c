import type { Effect } from '#conversation/effect.ts';
import type { Reply } from '#conversation/state.ts';
import { isOf } from './asks.ts';
import type { Ask, Asks, RecordedReply } from './asks.ts';
import { lateMarksOf, marksOf, soundOf } from './line.ts';
import type { Mark } from './line.ts';
import { findSaid, findThought, isSameSpeech } from './match.ts';
import type { Queue } from './queue.ts';
import type { Assumption, Event, Kind } from './recorded-event.ts';

/** The vendors, the tools and the line, as they were when the call was recorded. */
export type RecordedWorld = {
  carryOut(effect: Effect): void;
  /** What follows for the line from an input that was taken. */
  afterwards(event: Extract<Event, { is: 'input' }>): void;
  /** The recording of something ends before the thing itself. */
  runDry(event: Extract<Event, { is: 'dry' }>): void;
  /** Takes over what was still on its way at a recorded step. */
  goOn(from: number): void;
  recordedOf(replyId: number): {
    readonly replyId: number | undefined;
    readonly assumptions: readonly Assumption[];
  };
};

/** A reply that is going on. */
type Live = {
  readonly id: number;
  recorded: RecordedReply | undefined;
  thoughts: number;
  speech: number;
  stretches: number;
  stretch: Stretch | undefined;
  audioMs: number;
  /** When the last of its sound so far was made. */
  speechAtMs: number;
  /** After this no more of its sound was made, though there was to be; undefined: all of it was. */
  soundDryMs: number | undefined;
  /** Why it cannot be told what it says. As long as nobody may hear it, nothing depends on it. */
  unknown: string | undefined;
  readonly assumptions: Set<Assumption>;
};

type Stretch = {
  readonly index: number;
  readonly fromMs: number;
  readonly marks: readonly Mark[];
  readonly startMs: number | undefined;
  queuedMarks: number;
};

/** Reckoned events come after recorded ones of the same moment. */
const LAST = Infinity;

export function createRecordedWorld(parts: {
  readonly asks: Asks;
  readonly queue: Queue<Event>;
  readonly now: () => number;
  readonly reply: () => Reply | null;
  /** Says why nobody knows how the call goes on. */
  readonly leave: (why: string) => void;
}): RecordedWorld {
  const { asks, queue, now } = parts;
  const lives = new Map<number, Live>();
  const used = new Set<Ask>();

  const liveOf = (id: number): Live => {
    const known = lives.get(id);
    if (known) return known;
    const live: Live = {
      id,
      recorded: undefined,
      thoughts: 0,
      speech: 0,
      stretches: 0,
      stretch: undefined,
      audioMs: 0,
      speechAtMs: 0,
      soundDryMs: undefined,
      unknown: undefined,
      assumptions: new Set(),
    };
    lives.set(id, live);
    return live;
  };

  const leave = (live: Live, why: string): void => {
    const reply = parts.reply();
    if (reply?.id === live.id && reply.audio.is === 'held') live.unknown ??= why;
    else parts.leave(why);
  };

  /** Has a recorded ask answered as it was, as long after the question as it was. */
  const follow = (live: Live, ask: Ask, notBeforeMs = 0): number => {
    const shiftMs = now() - ask.atMs;
    let lastMs = Math.max(notBeforeMs, now());
    for (const { input, stepIndex } of ask.answers) {
      lastMs = Math.max(lastMs, input.atMs + shiftMs);
      const event: Event = {
        is: 'input',
        input: { ...input, replyId: live.id },
        of: live.id,
        kind: ask.kind,
      };
      queue.add(lastMs, stepIndex, event);
    }
    return lastMs;
  };

  const dryAt = (live: Live, atMs: number, kind: Kind, callId?: string): void =>
    queue.add(Math.max(now(), atMs), LAST, {
      is: 'dry',
      of: live.id,
      kind,
      ...(callId !== undefined && { callId }),
    });

  const forget = (replyId: number, kinds: readonly Kind[]): void =>
    queue.remove(
      (event) =>
        event.is !== 'timer' &&
        event.of === replyId &&
        event.kind !== undefined &&
        kinds.includes(event.kind),
    );

  const think = (effect: Extract<Effect, { type: 'think' }>): void => {
    const live = liveOf(effect.replyId);
    const within = live.recorded && { reply: live.recorded, thoughtIndex: live.thoughts };
    const found = findThought(asks, { context: effect.context, atMs: now() }, within);
    live.thoughts += 1;
    if (!found) {
      const last = effect.context.at(-1);
      const about = last && 'text' in last ? `, on ${JSON.stringify(last.text)}` : '';
      return leave(live, `the model would be asked for an answer that it never gave${about}`);
    }
    const { ask } = found;
    live.recorded ??= asks.replies.get(ask.replyId);
    if (found.isOtherContext) live.assumptions.add('other-context');
    if (used.has(ask)) live.assumptions.add('asked-again');
    used.add(ask);
    follow(live, ask);
    if (ask.cutMs !== undefined) dryAt(live, ask.cutMs + now() - ask.atMs, 'thought');
  };

  const speak = (live: Live, effect: Effect): void => {
    const index = live.speech;
    live.speech += 1;
    live.recorded ??= findSaid(asks, effect, now());
    const words = effect.type === 'speak' ? JSON.stringify(effect.text.trim()) : 'it';
    if (!live.recorded) return leave(live, `the agent would say ${words}, which it never said`);
    const sound = soundOf(live.recorded);
    const ask = live.recorded.speech[index];
    if (ask && !isSameSpeech(ask.effect, effect))
      return leave(live, `the agent would say ${words} here, where it said something else`);
    if (ask) live.speechAtMs = follow(live, ask, live.speechAtMs);
    if (sound.isAll) return;
    if (ask && ask.cutMs === undefined) return;
    live.soundDryMs = ask?.cutMs === undefined ? now() : ask.cutMs + now() - ask.atMs;
    if (sound.lengthMs === 0) dryAt(live, live.soundDryMs, 'speech');
  };

  const runTool = (live: Live, callId: string, name: string): void => {
    const ask =
      live.recorded?.tools.find((tool) => isOf(tool, [callId])) ??
      [...asks.replies.values()].flatMap(({ tools }) => tools).find((tool) => isOf(tool, [callId]));
    if (!ask) return leave(live, `the tool ${name} would run, which it never did`);
    live.recorded ??= asks.replies.get(ask.replyId);
    follow(live, ask);
    if (ask.cutMs !== undefined) dryAt(live, ask.cutMs + now() - ask.atMs, 'tool', callId);
  };

  /** Lets the line tell what it has played, as far as there is sound. */
  const play = (live: Live): void => {
    const { recorded, stretch } = live;
    if (!recorded || !stretch) return;
    if (stretch.startMs === undefined) {
      if (live.audioMs <= stretch.fromMs) return;
      const { index, fromMs } = stretch;
      const startMs = now();
      const marks = marksOf(recorded, { index, fromMs, startMs });
      live.stretch = { ...stretch, startMs, marks };
      return play(live);
    }
    for (const mark of stretch.marks.slice(stretch.queuedMarks)) {
      if (mark.playedMs > live.audioMs + 1) break;
      stretch.queuedMarks += 1;
      queuePlayed(live, mark);
    }
  };

  const queuePlayed = (live: Live, { playedMs, atMs, stepIndex = LAST }: Mark): void =>
    queue.add(Math.max(now(), atMs), stepIndex, {
      is: 'input',
      input: { type: 'played', replyId: live.id, playedMs, atMs },
      of: live.id,
      kind: 'stretch',
      ...(stepIndex === LAST && { isReckoned: true }),
    });

  const hold = (live: Live): void => {
    const { recorded, stretch } = live;
    forget(live.id, ['stretch']);
    live.stretch = undefined;
    if (!recorded || stretch?.startMs === undefined) return;
    const elapsedMs = stretch.fromMs + now() - stretch.startMs;
    for (const mark of lateMarksOf(recorded, stretch.index))
      if (mark.playedMs <= elapsedMs + 1)
        queuePlayed(live, { ...mark, atMs: now() + mark.afterMs });
  };

  const release = (live: Live, fromMs: number): void => {
    if (live.unknown !== undefined) return parts.leave(live.unknown);
    const index = live.stretches;
    live.stretches += 1;
    live.stretch = { index, fromMs, marks: [], startMs: undefined, queuedMarks: 0 };
    play(live);
  };

  return {
    carryOut(effect) {
      if (!('replyId' in effect)) return;
      const live = liveOf(effect.replyId);
      switch (effect.type) {
        case 'think':
          return think(effect);
        case 'stop-thinking':
          return forget(live.id, ['thought']);
        case 'speak':
        case 'finish-speaking':
        case 'speak-prepared':
          return speak(live, effect);
        case 'stop-speaking':
          live.stretch = undefined;
          return forget(live.id, ['speech', 'stretch']);
        case 'hold-audio':
          return hold(live);
        case 'release-audio':
          return release(live, effect.fromMs);
        case 'run-tool':
          return runTool(live, effect.callId, effect.name);
        case 'stop-tools':
          return queue.remove(
            (event) =>
              (event.is === 'dry' && effect.callIds.includes(event.callId ?? '')) ||
              (event.is === 'input' &&
                event.input.type === 'tool-result' &&
                effect.callIds.includes(event.input.callId)),
          );
      }
    },
    afterwards({ input, isReckoned = false }) {
      if (input.type !== 'speech-audio' && input.type !== 'played') return;
      const live = liveOf(input.replyId);
      if (isReckoned) live.assumptions.add('line-plays-on');
      if (input.type === 'speech-audio') {
        live.audioMs = Math.max(live.audioMs, input.audioMs);
        return play(live);
      }
      const isMoreToCome = queue.some((event) => event.is !== 'timer' && event.of === live.id);
      const reply = parts.reply();
      if (isMoreToCome || live.soundDryMs === undefined || reply?.id !== live.id) return;
      if (reply.playedMs >= live.audioMs - 1) dryAt(live, live.soundDryMs, 'speech');
    },
    runDry({ of, kind, callId }) {
      const reply = parts.reply();
      if (reply?.id !== of) return;
      const isWaiting =
        (kind === 'thought' && reply.thinking) ||
        (kind === 'speech' && !reply.speechDone) ||
        (kind === 'tool' && reply.runningTools.some((call) => call.callId === callId));
      if (!isWaiting) return;
      const what = { thought: 'answer', speech: 'speech', stretch: 'speech', tool: 'tool' }[kind];
      leave(liveOf(of), `the ${what} would go on, which was broken off here when it was recorded`);
    },
    goOn(from) {
      for (const reply of asks.replies.values())
        for (const ask of reply.tools)
          if (ask.stepIndex <= from)
            for (const { input, stepIndex } of ask.answers)
              if (stepIndex > from)
                queue.add(input.atMs, stepIndex, {
                  is: 'input',
                  input,
                  of: reply.id,
                  kind: 'tool',
                });
    },
    recordedOf(replyId) {
      const live = liveOf(replyId);
      return { replyId: live.recorded?.id, assumptions: [...live.assumptions] };
    },
  };
}
