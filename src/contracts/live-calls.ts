import type { EndReason } from '#protocol/calls.ts';
import type { LiveEvent, VoiceLevels } from '#protocol/events.ts';
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
  subscribe(instanceId: string, on: (event: LiveEvent, id: string) => void): () => void;
  /** The id of what was told last, of whichever instance. */
  position(): string;
  /** What was told of an instance after the event of this id. */
  since(instanceId: string, id: string): ToldSince;
  /**
   * Resolves once all that was told of an instance's calls so far is stored. Waits for as long as
   * the database is away.
   */
  settled(instanceId: string): Promise<void>;
  /** What was said in a call is not told again: it was erased. */
  forget(callId: string): void;
  /** How loud both sides of an instance's calls are, several times a second, while somebody wants to know. */
  watchLevels(instanceId: string, on: (levels: readonly VoiceLevels[]) => void): () => void;
  /** How many calls live in this node, of all instances. */
  count(): number;
};

export type ToldEvent = { readonly id: string; readonly event: LiveEvent };

export type ToldSince =
  | { readonly is: 'known'; readonly events: readonly ToldEvent[] }
  /** It was told by another node, or before a restart, or too long ago. */
  | {
      readonly is: 'unknown';
      /** When the event of this id was told, by the clock of who told it; undefined: it is nobody's id. */
      readonly toldAtMs: number | undefined;
    };
