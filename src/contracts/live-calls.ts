import type { EndReason } from '#protocol/calls.ts';
import type { LiveEvent } from '#protocol/events.ts';
import type { CallState } from '#protocol/voice-channel.ts';

/** The calls that live in this node, or that it can reach, as the HTTP API sees them. */
export type LiveCalls = {
  /** Calls of this node, newest truth: later than what is stored. */
  list(
    instanceId: string,
  ): readonly { readonly callId: string; readonly state: CallState; readonly turnCount: number }[];
  /** Ends every live call of an instance politely (a goodbye, then hang-up). Resolves when all have ended. */
  endAll(instanceId: string, reason: EndReason): Promise<void>;
  /**
   * Ends one call politely; false if this node does not have it and cannot have it ended elsewhere.
   * Rejects with `unavailable` where a provider that has it cannot be reached.
   */
  hangUp(callId: string): boolean | Promise<boolean>;
  /** Has the agent of a call say a text, as soon as neither side speaks; false if this node does not lead it. */
  say(callId: string, text: string): boolean;
  /** Live events of one instance, in order; the returned function ends the subscription. */
  subscribe(instanceId: string, on: (event: LiveEvent) => void): () => void;
  /** How many calls live in this node, of all instances. */
  count(): number;
};
