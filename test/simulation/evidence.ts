import type { ThinkRequest } from '#contracts/language-model.ts';
import type { Call } from '#protocol/calls.ts';
import type { LiveEvent } from '#protocol/events.ts';
import type { JournalEntry } from '#store/store.ts';
import type { CallerAct, SpokenWord } from './caller.ts';
import type { CallPlan } from './plan.ts';
import type { Piece } from './world/labelled-sound.ts';

/** All times of a call's evidence are in ms since the phone began to ring. */
export type Timed<What> = { readonly atMs: number; readonly what: What };

/** What a simulated call left behind: at the caller's ear, in the store, in the journal, and open. */
export type Evidence = {
  readonly plan: CallPlan;
  /** When the caller was connected; undefined: never. */
  readonly answeredMs: number | undefined;
  /** When the session began; undefined: it never did. */
  readonly sessionMs: number | undefined;
  /** When the line was cut, by whoever. */
  readonly overMs: number | undefined;
  readonly simulatedMs: number;
  readonly spoken: readonly SpokenWord[];
  readonly acts: readonly Timed<CallerAct['act']>[];
  /** What sounded at the caller's ear. */
  readonly heard: readonly Piece[];
  readonly events: readonly Timed<LiveEvent>[];
  /** As it is stored at the end; undefined: it never was. */
  readonly call: Call | undefined;
  readonly journal: readonly JournalEntry[];
  readonly requests: readonly Timed<ThinkRequest>[];
  /** Faults that were in force, by name, as they began. */
  readonly faults: readonly Timed<string>[];
  /** Errors of the program itself. */
  readonly complaints: readonly Timed<string>[];
  readonly mostUtterances: number;
  /** What was still held when nothing should have been, in words. */
  readonly leftovers: readonly string[];
  readonly isStuck: boolean;
};
