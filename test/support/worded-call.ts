import { silentLog } from '#lib/log.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import { startWordedSession } from '#session/worded/worded-session.ts';
import type { WordedSessionParts } from '#session/worded/worded-session.ts';
import { createRetellTransport } from '#transports/retell/transport.ts';
import { callNotes } from './call-notes.ts';
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
  const { parts, end, ...notes } = callNotes();
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
      clock,
      log: silentLog,
      ...parts,
      ...(options.before && { before: options.before }),
      ...(options.openTools && { openTools: options.openTools }),
    });
  return {
    clock,
    peer,
    vendors,
    transport,
    ...notes,
    start,
    session: options.isWaiting ? undefined : start(),
    get end() {
      return end();
    },
    get isOver() {
      return isOver;
    },
    notes: () =>
      notes.journal.flatMap((entry) => (entry['type'] === 'note' ? [entry['text']] : [])),
  };
}
