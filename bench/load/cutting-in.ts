import type { Plan } from './caller.ts';
import type { SpokenScript } from './voice.ts';

/** Of the answer, when it is cut in on: long enough that audio has been sent far ahead, short enough that much is left. */
const HEARD_MS = 2_500;

/** A caller who asks for the long answer and cuts in on it, again and again, in other words each time. */
export function cuttingIn({ story, cutIns }: SpokenScript, from: number): () => Plan {
  let at = from;
  return () => {
    const turn = cutIns[at++ % cutIns.length];
    if (!turn) throw new Error('the script has nobody cut in');
    // Not at the same place of a packet, of a window of voice activity and of a piece of audio each time.
    return { turn: story, cutIn: { afterMs: HEARD_MS + (at % 7) * 60, turn } };
  };
}
