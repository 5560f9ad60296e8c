import type { JsonRecord } from '#lib/record.ts';
import type { Call, EndReason, Turn } from '#protocol/calls.ts';
import type { CallState } from '#protocol/voice-channel.ts';

/** Calls that a provider carries itself, and what it tells of them. */
export type ProviderCallStore = {
  /**
   * Stores an event, to be folded into its call: by this node at once, by any node from `foldBy`
   * on. One that is stored already, or is of a lower rank, changes nothing. Rejects with
   * `not_found` if the instance is gone.
   */
  add(event: ProviderEvent, foldBy: Date): Promise<void>;
  /** Calls with events that should be folded by now, those that have waited longest first. */
  due(now: Date, limit: number): Promise<readonly CarrierCall[]>;
  /**
   * Lets `decide` (total, pure) make of all events of a call what its row should say, in one
   * transaction, one node at a time. A call that is not known begins. Undefined: it has no events.
   */
  fold(
    call: CarrierCall,
    nodeId: string,
    decide: (
      events: readonly ProviderEvent[],
      stored: StoredProviderCall | undefined,
    ) => ProviderCallChange,
  ): Promise<FoldedCall | undefined>;
  /** The call's events are tried again later. */
  putOff(call: CarrierCall, foldBy: Date): Promise<void>;
  /**
   * From now on a session of ours leads this call: its turns are those that it records, whatever
   * the provider's transcript says. Answers how many it has recorded so far, in earlier
   * connections. Rejects with `not_found` if there is no such call.
   */
  lead(tenantId: string, callId: string): Promise<number>;
  /** Claims, for `leaseMs`, up to `limit` calls about which the provider should be asked by now. */
  claimChecks(
    now: Date,
    leaseMs: number,
    limit: number,
  ): Promise<readonly (CarrierCall & { readonly startedAt: Date; readonly checks: number })[]>;
};

/** A call by the id that its carrier, or the provider that carries it, has given it. */
export type CarrierCall = {
  readonly tenantId: string;
  readonly instanceId: string;
  readonly carrierCallId: string;
};

/** Something that a provider told of a call. */
export type ProviderEvent = CarrierCall & {
  /** Deliveries with the same key say the same thing: of those of a call one is kept. */
  readonly key: string;
  /** The one with the highest, in the order of ASCII text. */
  readonly rank: string;
  readonly name: string;
  /** The provider's own JSON; opaque to the store. */
  readonly body: JsonRecord;
  readonly receivedAt: Date;
};

/** What is stored of a call that its provider carries. */
export type StoredProviderCall = {
  readonly id: string;
  readonly startedAt: Date;
  readonly state: Call['state'];
  /** What a session of ours ended it with, before or although the provider told its own end. */
  readonly sessionEndReason: EndReason | null;
  /** A session of ours writes the turns. */
  readonly isLed: boolean;
  /** By the provider's transcript. */
  readonly turns: readonly Turn[];
  /** How often the provider has been asked about it since the call is over. */
  readonly checks: number;
};

/** What the events of a call come to. */
export type ProviderCallChange = {
  readonly callerPhone: string;
  readonly calledPhone: string;
  readonly startedAt: Date;
  readonly state: CallState;
  /** Replaces any end that is stored; undefined: leaves it as it is. */
  readonly end:
    | { readonly reason: EndReason; readonly detail: string | null; readonly at: Date }
    | undefined;
  readonly turns: readonly Turn[];
  /** What the provider has on record, to be kept with the call; undefined: nothing yet. */
  readonly record: JsonRecord | undefined;
  /** When to ask the provider how the call stands; null: no more. */
  readonly checkAt: Date | null;
  /** How often it has been asked: see `StoredProviderCall`. */
  readonly checks: number;
};

export type FoldedCall = {
  readonly callId: string;
  /** Undefined: the call was not known before. */
  readonly before: StoredProviderCall | undefined;
  readonly change: ProviderCallChange;
};
