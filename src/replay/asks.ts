import type { Effect } from '#conversation/effect.ts';
import type { Input } from '#conversation/input.ts';
import type { ReplayedStep } from './replay.ts';

/** Something that the conversation asked for, and everything that came of it. */
export type Ask = {
  readonly kind: 'thought' | 'speech' | 'stretch' | 'tool';
  readonly replyId: number;
  readonly effect: Effect;
  readonly atMs: number;
  readonly stepIndex: number;
  readonly answers: Answer[];
  /** When it was called off before its last answer; undefined: it came to its end. */
  cutMs: number | undefined;
  /** The step that called it off. */
  cutStep: number;
};

export type Answer = { readonly input: OfReply; readonly stepIndex: number };
export type OfReply = Extract<Input, { replyId?: number }>;

/** What was asked for one reply, in order. */
export type RecordedReply = {
  readonly id: number;
  readonly thoughts: Ask[];
  /** Of each piece of text, of the end of the text, or of prepared speech. */
  readonly speech: Ask[];
  /** One for each time that its audio was let go: what of it was played. */
  readonly stretches: Ask[];
  readonly tools: Ask[];
};

export type Asks = {
  readonly replies: ReadonlyMap<number, RecordedReply>;
  /** Inputs that answer nothing: the caller's side, the owner's, the line's. */
  readonly ofTheCaller: readonly { readonly input: Input; readonly stepIndex: number }[];
  /** When a timer that was set for a moment really fired: a little late. */
  readonly firings: ReadonlyMap<string, readonly Firing[]>;
  /** Until when the journal tells of the call: for ever if it holds its end. */
  readonly untilMs: number;
};

export type Firing = { readonly atMs: number; readonly stepIndex: number };

/** A timer by its name and the moment it was set for. */
export const firingKey = (name: string, dueMs: number): string => `${name} ${dueMs.toFixed(1)}`;

/** Finds for every recorded input what had asked for it. */
export function asksOf(steps: readonly ReplayedStep[]): Asks {
  const replies = new Map<number, RecordedReply>();
  const ofTheCaller: { input: Input; stepIndex: number }[] = [];
  const firings = new Map<string, Firing[]>();
  const timers = new Map<string, number>();

  const replyOf = (id: number): RecordedReply => {
    const known = replies.get(id);
    if (known) return known;
    const reply = { id, thoughts: [], speech: [], stretches: [], tools: [] };
    replies.set(id, reply);
    return reply;
  };

  const takeEffect = (effect: Effect, atMs: number, stepIndex: number): void => {
    if (effect.type === 'set-timer') timers.set(effect.name, atMs + effect.afterMs);
    if (effect.type === 'cancel-timer') timers.delete(effect.name);
    if (!('replyId' in effect)) return;
    const reply = replyOf(effect.replyId);
    const ask = (kind: Ask['kind']): Ask => ({
      kind,
      replyId: reply.id,
      effect,
      atMs,
      stepIndex,
      answers: [],
      cutMs: undefined,
      cutStep: Infinity,
    });
    switch (effect.type) {
      case 'think':
        return void reply.thoughts.push(ask('thought'));
      case 'speak':
      case 'finish-speaking':
      case 'speak-prepared':
        return void reply.speech.push(ask('speech'));
      case 'release-audio':
        return void reply.stretches.push(ask('stretch'));
      case 'run-tool':
        return void reply.tools.push(ask('tool'));
      case 'stop-thinking':
        return cut(reply.thoughts.at(-1), atMs, stepIndex);
      case 'stop-speaking':
        cut(reply.speech.at(-1), atMs, stepIndex);
        return cut(reply.stretches.at(-1), atMs, stepIndex);
      case 'hold-audio':
        return cut(reply.stretches.at(-1), atMs, stepIndex);
      case 'stop-tools':
        for (const tool of reply.tools) if (isOf(tool, effect.callIds)) cut(tool, atMs, stepIndex);
        return undefined;
    }
  };

  for (const [stepIndex, { input, effects }] of steps.entries()) {
    const { atMs } = input;
    if (input.type === 'timer') {
      const dueMs = timers.get(input.name);
      timers.delete(input.name);
      const key = dueMs === undefined ? undefined : firingKey(input.name, dueMs);
      if (key !== undefined) firings.set(key, [...(firings.get(key) ?? []), { atMs, stepIndex }]);
    } else {
      const ask = answered(input, replies);
      if (ask && 'replyId' in input) ask.answers.push({ input, stepIndex });
      else ofTheCaller.push({ input, stepIndex });
    }
    for (const effect of effects) takeEffect(effect, atMs, stepIndex);
  }
  const last = steps.at(-1);
  const untilMs = last?.after.phase.name === 'ended' ? Infinity : (last?.input.atMs ?? 0);
  return { replies, ofTheCaller, firings, untilMs };
}

/** What an input answers to; undefined: nobody asked. */
function answered(input: Input, replies: ReadonlyMap<number, RecordedReply>): Ask | undefined {
  if (!('replyId' in input) || input.replyId === undefined) return undefined;
  const reply = replies.get(input.replyId);
  switch (input.type) {
    case 'reply-delta':
    case 'reply-tool-call':
    case 'reply-done':
      return reply?.thoughts.at(-1);
    case 'speech-audio':
    case 'speech-words':
    case 'speech-done':
      return reply?.speech.at(-1);
    case 'played':
      return reply?.stretches.at(-1);
    case 'tool-result':
    case 'transferred':
    case 'handed-over':
      return reply?.tools.find((tool) => isOf(tool, [input.callId]));
    case 'vendor-failed':
    case 'vendor-switched':
      if (input.role === 'language-model') return reply?.thoughts.at(-1);
      return input.role === 'text-to-speech' ? reply?.speech.at(-1) : undefined;
  }
}

export const isOf = ({ effect }: Ask, callIds: readonly string[]): boolean =>
  effect.type === 'run-tool' && callIds.includes(effect.callId);

/** Inputs after which nothing more comes of what was asked for. */
const LAST: readonly Input['type'][] = [
  'reply-done',
  'speech-done',
  'vendor-failed',
  'tool-result',
];

function cut(ask: Ask | undefined, atMs: number, stepIndex: number): void {
  const hasEnded = ask?.answers.some(({ input }) => LAST.includes(input.type));
  if (!ask || hasEnded || ask.cutMs !== undefined) return;
  ask.cutMs = atMs;
  ask.cutStep = stepIndex;
}
