import type { FailureCode } from '#contracts/vendor.ts';
import type { Clock } from '#lib/clock.ts';

/** A key that was refused is passed over for this long at first, then for twice as long each time. */
const FIRST_OUT_MS = 60_000;
const LONGEST_OUT_MS = 15 * 60_000;

/** Failures that another request with the same key will meet again. */
export const isKeyFault = (code: FailureCode): boolean => code === 'refused' || code === 'quota';

/** Which keys do not work now, over all calls of this process. */
export type KeyHealth = {
  isOut(key: string): boolean;
  /** True: it has just gone out, or has been tried again in vain. */
  failed(key: string, code: FailureCode): boolean;
  /** It was seen to work. */
  works(key: string): void;
};

/** @param clock its entries run out by: then the key is tried at its place in the chain again */
export function createKeyHealth(clock: Clock): KeyHealth {
  const faults = new Map<string, { readonly times: number; readonly untilMs: number }>();
  const isOut = (key: string): boolean => clock.now() < (faults.get(key)?.untilMs ?? 0);
  return {
    isOut,
    failed(key, code) {
      if (!isKeyFault(code) || isOut(key)) return false;
      const times = faults.get(key)?.times ?? 0;
      const outMs = Math.min(LONGEST_OUT_MS, FIRST_OUT_MS * 2 ** Math.min(times, 10));
      faults.set(key, { times: times + 1, untilMs: clock.now() + outMs });
      return true;
    },
    works: (key) => void faults.delete(key),
  };
}
