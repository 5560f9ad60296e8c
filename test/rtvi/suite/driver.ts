import type { Monologue } from '#test/browser/monologue.ts';
import type { Actions } from './actions.ts';

/** Somewhere where Pipecat's client runs. */
export type RtviDriver = {
  /** A client of its own, with a person at it who says this and nothing else. */
  open(says: Monologue): Promise<Actions>;
};
