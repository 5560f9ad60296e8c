import type { EndReason, Turn } from '#protocol/calls.ts';
import type { LiveEvent } from '#protocol/events.ts';
import type { LeavingRecorder } from '#session/recorder.ts';
import type { JournalEntry } from '#store/store.ts';

/** Everything that a session tells of its call, written down; a part of what it is started with. */
export function callNotes() {
  const turns: Turn[] = [];
  const journal: JournalEntry[] = [];
  const events: LiveEvent[] = [];
  const states: string[] = [];
  const done: string[] = [];
  let end: { readonly reason: EndReason; readonly detail: string | null } | undefined;
  const recorder: LeavingRecorder = {
    state: (state) => void states.push(state),
    journal: (entry) => void journal.push(entry),
    turn: (turn) => void turns.push(turn),
    end(reason, detail) {
      end = { reason, detail };
      done.push('stored');
      return Promise.resolve();
    },
    leave() {
      done.push('left');
      return Promise.resolve();
    },
  };
  return {
    turns,
    journal,
    events,
    states,
    done,
    /** How the call ended; undefined: it goes on. */
    end: () => end,
    parts: {
      recorder,
      hangUpAtCarrier() {
        done.push('hung up');
        return Promise.resolve(true);
      },
      publish: (event: LiveEvent) => void events.push(event),
    },
  };
}
