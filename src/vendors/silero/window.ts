import { MULAW_TO_LINEAR, phoneMs } from '#audio/g711.ts';

/** What the model looks at in one step at 8 kHz: 32 ms, one mu-law byte a sample. */
export const WINDOW_SAMPLES = 256;
export const WINDOW_MS = phoneMs(WINDOW_SAMPLES);
/** Samples before the window that it sees again. */
export const CONTEXT_SAMPLES = 32;

/** 8 ms: short enough to place the end of a sound, long enough for the lowest voice. */
const BLOCK_SAMPLES = 64;
/**
 * -50 dBFS. Below it a phone line is silent: line noise lies at -55 and lower, and a person who whispers
 * into a handset is louder than that. Sum of squares of one block.
 */
const LOUD_BLOCK_ENERGY = BLOCK_SAMPLES * (32_768 * 10 ** (-50 / 20)) ** 2;

/** End of the last loud block of a window in milliseconds from its start; 0 if all of it is silent. */
export function loudUntilMs(window: Uint8Array): number {
  for (let end = window.length; end > 0; end -= BLOCK_SAMPLES) {
    let energy = 0;
    for (let i = Math.max(0, end - BLOCK_SAMPLES); i < end; i++) {
      const sample = MULAW_TO_LINEAR[window[i] ?? 0] ?? 0;
      energy += sample * sample;
    }
    if (energy >= LOUD_BLOCK_ENERGY) return phoneMs(end);
  }
  return 0;
}
