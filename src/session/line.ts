import type { Conversation } from '#conversation/state.ts';
import type { Effect } from '#conversation/effect.ts';
import type { Input } from '#conversation/input.ts';
import type { PlayTones } from './tools/built-in-tools.ts';

/** An input without its time, which is that of its taking. */
export type Untimed = Input extends infer One
  ? One extends Input
    ? Omit<One, 'atMs'>
    : never
  : never;

/** What of a conversation is about hearing and being heard. */
export type LineEffect = Extract<
  Effect,
  {
    type:
      | 'speak'
      | 'finish-speaking'
      | 'speak-prepared'
      | 'stop-speaking'
      | 'hold-audio'
      | 'release-audio'
      | 'finalize-hearing';
  }
>;

/** One step of the conversation: what happened, what is now, and what is being done. */
export type Step = {
  readonly input: Input;
  readonly after: Conversation;
  readonly effects: readonly Effect[];
};

/** What the leader of a call offers its line. */
export type LineSurroundings = {
  take(input: Untimed): void;
  /** For the journal. */
  note(text: string): void;
  /** Since the call was answered. */
  nowMs(): number;
  /** The line has ended. Whether that was a transfer's doing is found out first. */
  closed(by: 'caller' | 'broken'): void;
};

/** How one call hears and is heard. */
export type Line = {
  /** The line is there: listens to it, and takes the call's first input. */
  open(): void;
  /** In the conversation as it is after the step that asks for it. */
  carryOut(effect: LineEffect, after: Conversation): void;
  /** Told of each step, once all its effects were carried out. */
  settled?(step: Step): void;
  readonly play: PlayTones;
  /** Stops hearing and speaking, and the vendors of both. */
  silence(): void;
  /** Ends this side of the line. */
  close(): void;
};

export type OpenLine = (around: LineSurroundings) => Line;
