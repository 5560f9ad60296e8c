import type { Plan } from './caller.ts';
import type { SpokenScript } from './voice.ts';

/** Of the answer, when it is cut in on: long enough that audio has been sent far ahead, short enough that much is left. */
const HEARD_MS = 2_500;

/** A caller who asks for the long answer and cuts in on it, again and again. */
export function cuttingIn({ story, cutIn }: SpokenScript): () => Plan {
  return () => ({ turn: story, cutIn: { afterMs: HEARD_MS, turn: cutIn } });
}
