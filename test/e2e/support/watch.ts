import type { ActiveCall } from '#protocol/voice-channel.ts';
import { systemClock } from '#lib/clock.ts';
import type { Agent, Phone } from './agents.ts';

/** What the list of live calls said at a moment at which the events of the call stood still. */
export type Sample = {
  readonly listed: ActiveCall | undefined;
  readonly activeCalls: number;
  /** As the events had told by then. */
  readonly told: { readonly state: string; readonly turns: number; readonly ended: boolean };
};

const EVERY_MS = 60;
/** An event that was sent before an answer has arrived this long after it, however loaded the machine. */
const SETTLED_MS = 150;

/**
 * Compares, again and again until the call is over, what the API answers with what the call's
 * events tell. A sample during which the call went on to something else is not taken.
 */
export async function watchCall(agent: Agent, phone: Phone): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const changes = (): number =>
    phone.events.filter(({ type }) => ['state', 'turn', 'call-ended'].includes(type)).length;
  const id = await phone.id();
  for (;;) {
    const before = changes();
    const [calls, status] = await Promise.all([agent.calls(), agent.status()]);
    await systemClock.sleep(SETTLED_MS);
    if (changes() === before) {
      const told = toldBy(phone);
      samples.push({
        listed: calls.find((call) => call.call_id === id),
        activeCalls: status.active_calls,
        told,
      });
      if (told.ended) return samples;
    }
    await systemClock.sleep(EVERY_MS);
  }
}

function toldBy({ events }: Phone): Sample['told'] {
  const state = events.findLast((event) => event.type === 'state');
  return {
    state: state?.type === 'state' ? state.state : 'ringing',
    turns: events.filter(({ type }) => type === 'turn').length,
    ended: events.some(({ type }) => type === 'call-ended'),
  };
}
