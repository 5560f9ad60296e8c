import type { VirtualClock } from '#lib/virtual-clock.ts';

/**
 * Moves virtual time on while real sockets carry messages, until `outcome` settles. Each step lets
 * the event loop turn for as long as loopback needs, so that time does not run away from it.
 */
export async function during<T>(clock: VirtualClock, outcome: Promise<T>, stepMs = 10): Promise<T> {
  const progress = { settled: false };
  const mark = (): void => {
    progress.settled = true;
  };
  outcome.then(mark, mark);
  while (!progress.settled) {
    await clock.advance(stepMs);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return outcome;
}
