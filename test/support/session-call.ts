import type { Thought } from '#contracts/language-model.ts';
import { silentLog } from '#lib/log.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import type { EndReason, Turn } from '#protocol/calls.ts';
import type { LiveEvent } from '#protocol/events.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { startSession } from '#session/session.ts';
import type { SessionParts } from '#session/session.ts';
import type { JournalEntry } from '#store/store.ts';
import { fakeLine, fakeVendors, newClock } from './session-world.ts';

/** A call in virtual time: real session and conversation, everything around them played. */
export function phoneCall(
  options: {
    greeting?: string;
    endOfTurn?: boolean;
    voice?: object;
    openTools?: SessionParts['openTools'];
    clock?: VirtualClock;
  } = {},
) {
  const { clock = newClock() } = options;
  const line = fakeLine(clock);
  const vendors = fakeVendors(clock, options);
  const turns: Turn[] = [];
  const journal: JournalEntry[] = [];
  const events: LiveEvent[] = [];
  const done: string[] = [];
  const states: string[] = [];
  let end: { reason: EndReason; detail: string | null } | undefined;
  const session = startSession({
    callId: 'call-1',
    callerPhone: '+12025550188',
    agent: agentConfigSchema.parse({
      greeting: options.greeting ?? '',
      voice: options.voice ?? {},
    }),
    transport: line.transport,
    hearing: vendors.hearing,
    model: vendors.model,
    speech: vendors.speech,
    voice: 'v',
    voiceActivity: vendors.voiceActivity,
    recorder: {
      state: (state) => void states.push(state),
      journal: (entry) => void journal.push(entry),
      turn: (turn) => void turns.push(turn),
      end(reason, detail) {
        end = { reason, detail };
        done.push('stored');
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
    ...(options.openTools && { openTools: options.openTools }),
  });
  return {
    clock,
    line,
    vendors,
    turns,
    journal,
    events,
    states,
    session,
    done,
    get end() {
      return end;
    },
    /** The caller says a sentence, and the recogniser ends the turn 350 ms after it. */
    async say(text: string, lengthMs = 1_000) {
      vendors.voice('started');
      await clock.advance(lengthMs);
      vendors.hear({ type: 'interim', text });
      vendors.voice('stopped');
      await clock.advance(350);
      vendors.hear({ type: 'end', text });
    },
  };
}

/** A language model's whole answer. */
export const words = (text: string): Thought[] => [
  { type: 'delta', text },
  { type: 'done', inputTokens: 1, outputTokens: 1 },
];
