import type { Clock } from '#lib/clock.ts';

/** What goes wrong on one call. Everything random is drawn from `seed`. */
export type CallFaults = {
  readonly seed?: number;
  /** Between the carrier and the server's media socket, each way. */
  readonly delayMs?: number;
  /** At most this much on top of `delayMs`, different for every message; their order is kept, as TCP keeps it. */
  readonly jitterMs?: number;
  /** Share of 20 ms frames the phone network loses each way, 0 to 1. */
  readonly lossRate?: number;
  /** The call's first media socket is cut this long after its start. */
  readonly socketDiesAtMs?: number;
  /** From then on the call's first media socket stays open and carries nothing either way. */
  readonly socketFreezesAtMs?: number;
  /** Every webhook arrives twice, with the same idempotency token. */
  readonly duplicateWebhooks?: boolean;
  /** How late status callbacks are. */
  readonly lateStatusMs?: number;
};

/** One direction of a slow connection: what is handed in comes out later, in order. Without faults, at once. */
export function slowPipe(
  clock: Clock,
  faults: CallFaults,
  random: () => number,
): (deliver: () => void) => void {
  const { delayMs = 0, jitterMs = 0 } = faults;
  if (delayMs === 0 && jitterMs === 0) return (deliver) => deliver();
  const waiting: (() => void)[] = [];
  let lastAtMs = 0;
  return (deliver) => {
    lastAtMs = Math.max(lastAtMs, clock.now() + delayMs + jitterMs * random());
    waiting.push(deliver);
    clock.after(lastAtMs - clock.now(), () => waiting.shift()?.());
  };
}
