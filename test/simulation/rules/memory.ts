import type { HeapSample, SeededViolation } from '../batch.ts';

/** The first samples fill caches that stay. */
const WARM_UP_SAMPLES = 3;
/** Fewer show their own noise. */
const LEAST_SAMPLES = 7;
/** Less than one forgotten call, and more than the noise of an engine that compiles as it goes. */
const LIMIT_BYTES_PER_CALL = 2_000;
/**
 * What moves up and down whatever happens: a WebSocket that is closed from both sides at once is kept
 * for half a minute of real time, and the last of its call with it.
 */
const NOISE_BYTES = 12_000_000;

/**
 * Memory returns to its floor: after garbage was collected no more is in use late in a run than early
 * in it, but for noise. The floor of each half is compared, as one call's remains weigh on every later sample.
 */
export function memoryReturns(heaps: readonly HeapSample[]): readonly SeededViolation[] {
  const samples = heaps.slice(WARM_UP_SAMPLES);
  if (samples.length < LEAST_SAMPLES) return [];
  const half = Math.floor(samples.length / 2);
  const early = floorOf(samples.slice(0, half));
  const late = floorOf(samples.slice(half));
  const calls = late.calls - early.calls;
  const grownBytes = late.usedBytes - early.usedBytes;
  if (grownBytes <= NOISE_BYTES + LIMIT_BYTES_PER_CALL * calls) return [];
  const kb = Math.round(grownBytes / calls / 1_000);
  return [
    {
      seed: late.seed,
      rule: 'memory-floor',
      atMs: 0,
      what: `memory grows by ${kb} kB a call: ${Math.round(grownBytes / 1_000_000)} MB in ${calls} calls`,
    },
  ];
}

const floorOf = (samples: readonly HeapSample[]): HeapSample =>
  samples.reduce((floor, sample) => (sample.usedBytes < floor.usedBytes ? sample : floor));
