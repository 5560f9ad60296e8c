import type { Thought } from '#contracts/language-model.ts';
import { silentLog } from '#lib/log.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { startSession } from '#session/session.ts';
import type { SessionParts } from '#session/session.ts';
import { callNotes } from './call-notes.ts';
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
  const { parts, end, ...notes } = callNotes();
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
    clock,
    log: silentLog,
    ...parts,
    ...(options.openTools && { openTools: options.openTools }),
  });
  return {
    clock,
    line,
    vendors,
    ...notes,
    session,
    get end() {
      return end();
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
