import { createHash } from 'node:crypto';
import type { Cancel, Clock } from '#lib/clock.ts';

/** Connections of a key that no call has used for this long are closed. */
const IDLE_LIFE_MS = 5 * 60_000;

type Closable = { close(): void };
export type Shared<Vendor> = { readonly vendor: Vendor; release(): void };

/** One role's open vendors, by what they were opened with. */
export type SharedVendors<Vendor> = {
  /** `identity` tells apart what must not be shared. Every `acquire` is followed by one `release`. */
  acquire(identity: readonly string[], open: () => Vendor): Shared<Vendor>;
  close(): void;
};

/** A digest, so that no key stands in memory once more as part of a map's key. */
export const digestOf = (identity: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(identity)).digest('base64');

export function shareVendors<Vendor extends Closable>(clock: Clock): SharedVendors<Vendor> {
  type Entry = { readonly vendor: Vendor; users: number; cancelIdle: Cancel | undefined };
  const entries = new Map<string, Entry>();
  return {
    acquire(identity, open) {
      const key = digestOf(identity);
      const entry = entries.get(key) ?? { vendor: open(), users: 0, cancelIdle: undefined };
      entries.set(key, entry);
      entry.cancelIdle?.();
      entry.users++;
      let isReleased = false;
      return {
        vendor: entry.vendor,
        release() {
          if (isReleased) return;
          isReleased = true;
          if (--entry.users > 0) return;
          entry.cancelIdle = clock.after(IDLE_LIFE_MS, () => {
            entries.delete(key);
            entry.vendor.close();
          });
        },
      };
    },
    close() {
      for (const entry of entries.values()) {
        entry.cancelIdle?.();
        entry.vendor.close();
      }
      entries.clear();
    },
  };
}
