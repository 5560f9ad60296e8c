import type { WordSpan } from '#sandbox/speech/speech.ts';
import type { Step } from './script.ts';

/** From `startMs` to `endMs`, on the call's frame clock: 0 is the answer. */
export type Span = { readonly startMs: number; readonly endMs: number };

export type StepRecord = Span & {
  readonly step: Step;
  /** The words that were said, each to its end. */
  readonly said: readonly WordSpan[];
  /** The silence in the middle of a hesitating sentence: last word before it to first word after it. */
  readonly hesitation: Span | undefined;
};

/** What one caller did and perceived; the agent is known only by the sound that arrived. */
export type CallRecord = {
  /** The steps that were begun; the last one may have been cut short by the end of the call. */
  readonly steps: readonly StepRecord[];
  /** What the caller's own ear understood. */
  readonly agentWords: readonly WordSpan[];
  /** Every stretch of sound from the other side, at 20 ms resolution; they do not touch. */
  readonly agentSound: readonly Span[];
  readonly durationMs: number;
  readonly endedBy: 'caller' | 'other-side';
  /** Why the script could not be followed to its end; undefined when it was. */
  readonly problem: string | undefined;
};
