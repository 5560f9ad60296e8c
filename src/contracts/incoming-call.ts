import type { Turn } from '#protocol/calls.ts';
import type { Transport } from './transport.ts';
import type { WordsTransport } from './words-transport.ts';

/**
 * Hands the call over to a number (E.164), for good. Never rejects; `message` says why it was refused,
 * for people. Once it is taken the transport ends as if the caller had left.
 */
export type TransferAtCarrier = (
  phoneNumber: string,
) => Promise<{ readonly ok: true } | { readonly ok: false; readonly message: string }>;

/** A phone call whose sound is connected and that waits for its agent. Its row is stored already, in state `ringing`. */
export type IncomingCall = {
  readonly tenantId: string;
  readonly instanceId: string;
  readonly callId: string;
  /** E.164 as a rule; a carrier also says `anonymous` or a SIP address. Empty: not told. */
  readonly callerPhone: string;
  readonly calledPhone: string;
  /** The carrier's own id of the call, such as Twilio's `CA…`. */
  readonly carrierCallId: string;
  /** Nobody listens to it yet; what arrived since its start is kept until somebody does. */
  readonly transport: Transport;
  /**
   * Asks the carrier to hang up. Best effort: it never rejects, gives up after a few seconds, and
   * answers whether the carrier took it. Store the call's end first: the carrier comes back with
   * its status, and with a redirect once the transport is closed, and both look at the stored call.
   */
  hangUpAtCarrier(): Promise<boolean>;
  /** Absent where the carrier cannot be asked to. */
  readonly transferAtCarrier?: TransferAtCarrier;
};

/**
 * Takes the call over: from here on the taker listens to the transport, ends the stored call and
 * closes the transport, in this order. Returns at once and never throws.
 */
export type AnswerCall = (call: IncomingCall) => void;

/** A call whose sound is somebody else's: only words come and go. Its row is stored already. */
export type IncomingWordedCall = Pick<
  IncomingCall,
  'tenantId' | 'instanceId' | 'callId' | 'callerPhone' | 'hangUpAtCarrier'
> & {
  /** Nobody listens to it yet; what still means something of what has arrived is kept until somebody does. */
  readonly transport: WordsTransport;
  /** What is stored of a call that another process has led until now; absent: it has just begun. */
  readonly before?: {
    readonly startedAt: Date;
    readonly turns: readonly Turn[];
    readonly turnCount: number;
  };
};

/** As `AnswerCall`. */
export type AnswerWordedCall = (call: IncomingWordedCall) => void;
