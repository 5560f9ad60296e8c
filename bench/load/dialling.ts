import { systemClock } from '#lib/clock.ts';
import type { Plan } from './caller.ts';
import type { Fleet } from './fleet.ts';
import type { SpokenScript } from './voice.ts';

/** Callers begin their first line within this time after the greeting, evenly: then turns are spread, too. */
const SPREAD_MS = 6_000;

/** Adds calls to a fleet, evenly over some time. They talk on, line by line of the script, until they hang up. */
export async function spacedDials(options: {
  readonly fleet: Fleet;
  readonly script: SpokenScript;
  readonly count: number;
  readonly overMs: number;
}): Promise<void> {
  const { fleet, script, count, overMs } = options;
  const dials: Promise<void>[] = [];
  for (let nth = 0; nth < count; nth++) {
    // The golden ratio: however many there are, they are spread evenly.
    const firstPauseMs = ((nth * 0.618_034) % 1) * SPREAD_MS;
    const next = talkingOn(script, nth);
    dials.push(fleet.dial({ greeting: script.greetingAudio, next, firstPauseMs }));
    await systemClock.sleep(overMs / count);
  }
  await Promise.all(dials);
}

/** Every line in turn, each caller from another one on. */
function talkingOn({ turns }: SpokenScript, from: number): () => Plan {
  let at = from;
  return () => {
    const turn = turns[at++ % turns.length];
    if (!turn) throw new Error('the script is empty');
    return { turn };
  };
}
