import type { Cancel, Clock } from '#lib/clock.ts';
import { messageOf, VoiceError } from '#lib/errors.ts';
import type { Log } from '#lib/log.ts';
import type { EndReason, Turn } from '#protocol/calls.ts';
import type { CallState } from '#protocol/voice-channel.ts';
import type { JournalEntry, Store } from '#store/store.ts';

const RETRY_FIRST_MS = 100;
const RETRY_MOST_MS = 5_000;
/**
 * States are written at multiples of this, by the clock, so that those of all calls go to the database together:
 * several changes of each call a turn would otherwise be most of its work.
 */
const STATE_EVERY_MS = 250;
/** Keys keep coming during a database outage; what a call says in an hour fits in here many times. */
const END_WAIT_MS = 5_000;

/**
 * Writes a call down while it happens. Writes are in order and never lost while the process lives:
 * a failing database is tried again until it answers. No call waits for a write but for its end.
 */
export type Recorder = {
  /** Stored within a quarter of a second; of several only the newest. */
  state(state: CallState): void;
  /** Kept until the next turn, and written with it. */
  journal(entry: JournalEntry): void;
  turn(turn: Turn): void;
  /** Resolves once everything is stored, or after five seconds: the rest is then still being tried. */
  end(reason: EndReason, detail: string | null): Promise<void>;
};

/** Also of calls that may go on without us. */
export type LeavingRecorder = Recorder & {
  /** As `end`, where the end is not ours to tell. */
  leave(): Promise<void>;
};

/** As whoever opened it sees it. */
export type CallRecorder = LeavingRecorder & {
  /** Resolves once every turn told so far is stored, and the end if it was told, however long that takes. */
  settled(): Promise<void>;
};

export function createRecorder(options: {
  readonly store: { readonly calls: Pick<Store['calls'], 'record' | 'end' | 'setState'> };
  readonly tenantId: string;
  readonly callId: string;
  readonly clock: Clock;
  readonly log: Log;
}): CallRecorder {
  const { store, tenantId, callId, clock, log } = options;
  let journal: JournalEntry[] = [];
  let turns: Turn[] = [];
  let state: CallState | undefined;
  /** Until then a new state waits; undefined: there is none that waits. */
  let cancelStateWait: Cancel | undefined;
  let end: { reason: EndReason; detail: string | null; at: Date } | undefined;
  let writing: Promise<void> | undefined;

  let isLeaving = false;

  const hasLastLines = (): boolean => (isLeaving || end !== undefined) && journal.length > 0;
  const isStateDue = (): boolean => state !== undefined && cancelStateWait === undefined;
  const hasWork = (): boolean =>
    turns.length > 0 || end !== undefined || isStateDue() || hasLastLines();
  const stopStateWait = (): void => {
    cancelStateWait?.();
    cancelStateWait = undefined;
  };

  const writeOnce = async (): Promise<void> => {
    if (turns.length > 0 || hasLastLines()) {
      // A copy: what happens while it is being written is written next.
      const what = { turns, journal: [...journal] };
      await store.calls.record(tenantId, callId, what);
      turns = turns.slice(what.turns.length);
      journal = journal.slice(what.journal.length);
    } else if (end) {
      await store.calls.end(tenantId, callId, end);
      end = undefined;
      state = undefined;
    } else if (state && isStateDue()) {
      const latest = state;
      await store.calls.setState(tenantId, callId, latest);
      if (state === latest) state = undefined;
    }
  };

  const write = async (): Promise<void> => {
    let delayMs = RETRY_FIRST_MS;
    while (hasWork()) {
      try {
        await writeOnce();
        delayMs = RETRY_FIRST_MS;
      } catch (error) {
        if (error instanceof VoiceError && error.code === 'not_found') {
          // The call was erased, with its instance, while it was going on: there is nothing to write to.
          log.warn({ callId }, 'a call is no longer stored');
          turns = [];
          journal = [];
          end = undefined;
          state = undefined;
          stopStateWait();
          return;
        }
        log.error({ callId, error: messageOf(error) }, 'a call could not be written down yet');
        await clock.sleep(delayMs);
        delayMs = Math.min(delayMs * 2, RETRY_MOST_MS);
      }
    }
  };

  const kick = (): Promise<void> => {
    writing ??= write().finally(() => {
      writing = undefined;
    });
    return writing;
  };

  const settled = async (): Promise<void> => {
    // The write going on may have looked for work just before there was some.
    while (hasWork()) await kick();
  };

  /** Until all is written, or the time is over. */
  const settle = async (): Promise<void> => {
    const limit = new AbortController();
    await Promise.race([settled(), clock.sleep(END_WAIT_MS, limit.signal).catch(() => undefined)]);
    limit.abort();
  };

  return {
    state(next) {
      state = next;
      cancelStateWait ??= clock.after(STATE_EVERY_MS - (clock.now() % STATE_EVERY_MS), () => {
        cancelStateWait = undefined;
        void kick();
      });
    },
    journal: (entry) => void journal.push(entry),
    turn(turn) {
      turns = [...turns, turn];
      void kick();
    },
    async end(reason, detail) {
      stopStateWait();
      end = { reason, detail, at: new Date(clock.now()) };
      await settle();
    },
    async leave() {
      stopStateWait();
      isLeaving = true;
      await settle();
    },
    settled,
  };
}
