import { silentLog } from '#lib/log.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import type { EndReason, Turn } from '#protocol/calls.ts';
import type { LiveEvent } from '#protocol/events.ts';
import { startWordedSession } from '#session/worded/worded-session.ts';
import type { WordedSessionParts } from '#session/worded/worded-session.ts';
import type { JournalEntry } from '#store/store.ts';
import { createRetellTransport } from '#transports/retell/transport.ts';
import { retellPeer } from './retell-peer.ts';
import { fakeVendors, newClock } from './session-world.ts';

/** A call of Retell's in virtual time: real session, conversation and transport; Retell and the model are played. */
export function wordedCall(
  options: {
    agent?: object;
    openTools?: WordedSessionParts['openTools'];
    before?: WordedSessionParts['before'];
    clock?: VirtualClock;
    /** The socket is there, the session not yet. */
    isWaiting?: true;
  } = {},
) {
  const { clock = newClock() } = options;
  const vendors = fakeVendors(clock);
  const turns: Turn[] = [];
  const journal: JournalEntry[] = [];
  const events: LiveEvent[] = [];
  const done: string[] = [];
  let end: { reason: EndReason; detail: string | null } | undefined;
  let isOver = false;
  const transport = createRetellTransport({
    clock,
    log: silentLog,
    onOver: () => void (isOver = true),
  });
  const peer = retellPeer(clock, (socket) => transport.attach(socket));
  peer.connect();
  const start = () =>
    startWordedSession({
      callId: 'call-1',
      callerPhone: '+12025550188',
      agent: agentConfigSchema.parse({ greeting: '', ...options.agent }),
      transport,
      model: vendors.model,
      recorder: {
        state: () => undefined,
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
      },
      clock,
      log: silentLog,
      hangUpAtCarrier() {
        done.push('hung up');
        return Promise.resolve(true);
      },
      publish: (event) => void events.push(event),
      ...(options.before && { before: options.before }),
      ...(options.openTools && { openTools: options.openTools }),
    });
  return {
    clock,
    peer,
    vendors,
    transport,
    turns,
    journal,
    events,
    done,
    start,
    session: options.isWaiting ? undefined : start(),
    get end() {
      return end;
    },
    get isOver() {
      return isOver;
    },
    notes: () => journal.flatMap((entry) => (entry['type'] === 'note' ? [entry['text']] : [])),
  };
}
