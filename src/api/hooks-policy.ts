import type { EndReason } from '#protocol/calls.ts';

/** What the carrier's question about a call is answered with. */
export type HookAnswer =
  /** To our stream, with a fresh token. */
  | 'connect'
  /** The channel is off: refused unanswered. */
  | 'reject'
  /** Outside the agent's business hours: told so, without any vendor. */
  | 'closed'
  /** Spoken, without any vendor: this server takes no new calls now. */
  | 'call-again'
  /** The call is over as far as we know. */
  | 'hang-up'
  /** Its stream ended, the call did not. Where a call can be picked up again, this is where. */
  | 'lost';

export type CallFacts = {
  /** The carrier comes back because the stream has ended; otherwise it asks about a new call. */
  readonly isResumed: boolean;
  /** What is stored of the call; undefined: it is new. */
  readonly known: { readonly ended: boolean } | undefined;
  /** The channel is on, and its calls come this way. */
  readonly isServed: boolean;
  /** Within the agent's business hours. */
  readonly isOpen: boolean;
  /** False while this node shuts down. */
  readonly isReady: boolean;
  readonly hasRoom: boolean;
};

/** Total and pure: the same facts, the same answer. */
export function decideAnswer(facts: CallFacts): HookAnswer {
  if (facts.isResumed) return facts.known && !facts.known.ended ? 'lost' : 'hang-up';
  if (facts.known?.ended) return 'hang-up';
  // The carrier asks again when our first answer did not reach it: same call, another token.
  if (facts.known) return 'connect';
  if (!facts.isServed) return 'reject';
  if (!facts.isOpen) return 'closed';
  return facts.isReady && facts.hasRoom ? 'connect' : 'call-again';
}

/** What a provider that hosts the sound is told of a call that wants to come in. */
export function decideInbound(
  facts: Pick<CallFacts, 'isServed' | 'isOpen' | 'isReady' | 'hasRoom'> & {
    /** Whether the call would have its words from this server. */
    readonly isLedByUs: boolean;
  },
): 'take' | 'off' | 'closed' | 'no-room' {
  if (!facts.isServed) return 'off';
  if (!facts.isOpen) return 'closed';
  return facts.isLedByUs && !(facts.isReady && facts.hasRoom) ? 'no-room' : 'take';
}

/**
 * What a carrier's status says of a call that is still open with us; undefined: nothing final.
 * `hasTalked`: its sound was connected at some time.
 */
export function endByStatus(
  callStatus: string,
  hasTalked: boolean,
): { readonly reason: EndReason; readonly detail: string } | undefined {
  switch (callStatus) {
    case 'completed':
      return {
        reason: 'caller_hangup',
        detail: hasTalked
          ? 'The carrier reported the end of the call.'
          : 'The call ended before its sound was connected.',
      };
    case 'busy':
    case 'no-answer':
    case 'canceled':
    case 'failed':
      return { reason: 'not_answered', detail: `The carrier reported: ${callStatus}.` };
    default:
      return undefined;
  }
}
