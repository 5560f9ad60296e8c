import type { Cancel, Clock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import type { Log } from '#lib/log.ts';
import type { MediaGrant, Store } from '#store/store.ts';

/** After this long without its socket a call counts as never connected. Less than a token's life. */
const CONNECT_LIMIT_MS = 45_000;
/** A database that could not be asked is asked again. */
const RETRY_MS = 5_000;

/** Ends the calls that were granted a socket and that nobody came for. */
export type UnansweredCalls = {
  /** Looks after the call whose socket may come with this token, on whichever node. */
  expect(grant: MediaGrant, token: string): void;
  /** Looks after a call that nobody can come for: storing it, or its token, went wrong half-way. */
  giveUp(grant: MediaGrant): void;
  close(): void;
};

export function createUnansweredCalls(parts: {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether this node has the call's socket. */
  readonly isConnected: (callId: string) => boolean;
  /** Why, for the record. */
  readonly detail: string;
}): UnansweredCalls {
  const { store, clock, log, isConnected, detail } = parts;
  const timers = new Set<Cancel>();
  let isClosed = false;

  const later = (delayMs: number, work: () => Promise<void>): void => {
    if (isClosed) return;
    const cancel = clock.after(delayMs, () => {
      timers.delete(cancel);
      work().catch((error: unknown) => {
        log.error({ error: messageOf(error) }, 'whether a call was connected is not known yet');
        later(RETRY_MS, work);
      });
    });
    timers.add(cancel);
  };

  const endIfRinging = async ({ tenantId, callId }: MediaGrant): Promise<void> => {
    const call = isConnected(callId) ? undefined : await store.calls.get(tenantId, callId);
    if (call?.state !== 'ringing') return;
    const end = { reason: 'not_answered', detail, at: new Date(clock.now()) } as const;
    if (await store.calls.end(tenantId, callId, end)) log.info({ callId, detail }, 'call ended');
  };

  const giveUp = (grant: MediaGrant): void => later(CONNECT_LIMIT_MS, () => endIfRinging(grant));

  return {
    giveUp,
    expect(grant, token) {
      later(CONNECT_LIMIT_MS, async () => {
        const unused = await store.mediaTokens.consume(token, new Date(clock.now()));
        if (unused) return endIfRinging(grant);
        // Somebody came, perhaps just now. If the call is not led then, what they came to went wrong.
        giveUp(grant);
      });
    },
    close() {
      isClosed = true;
      for (const cancel of timers) cancel();
      timers.clear();
    },
  };
}
