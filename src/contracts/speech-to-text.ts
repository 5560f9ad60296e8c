import type { AudioFormat } from '#audio/format.ts';
import type { Check, Switched, VendorFailure } from './vendor.ts';

/**
 * What a recogniser says about one call, in order.
 * Vendors that `can.endOfTurn` say `interim`, `eager-end`, `resumed` and `end`, never `final`: `text` is
 * everything heard since the last `end`.
 * The others say `interim` and `final`: `text` is the current segment alone, which `final` closes for
 * good; segments add up, and who listens decides where a turn ends.
 * `untilMs`, where a vendor tells it: how much of the audio written to the stream the text stands for,
 * silence included. What came after it was not heard for good.
 */
export type Heard =
  | { readonly type: 'interim'; readonly text: string }
  | {
      readonly type: 'final';
      readonly text: string;
      readonly fromFinalize: boolean;
      readonly untilMs?: number;
    }
  | { readonly type: 'eager-end'; readonly text: string }
  | { readonly type: 'resumed' }
  | { readonly type: 'end'; readonly text: string; readonly untilMs?: number }
  /** From here on as a vendor that decides the end of turns, or as one that does not. */
  | (Switched & { readonly endOfTurn: boolean })
  | { readonly type: 'failed'; readonly failure: VendorFailure };

/** One call's hearing. After `failed` or `close()` nothing more is said and `write` does nothing. */
export type HearingStream = {
  /** Whole samples in the format that was asked for; any length, normally 20 ms, in real time. The bytes are copied or sent before it returns. */
  write(audio: Uint8Array): void;
  /** Asks for a final of what has been heard so far, where `can.finalize`; otherwise does nothing. */
  finalize(): void;
  close(): void;
};

export type HearingOptions = {
  /** BCP 47, such as `en` or `en-US`. */
  readonly language: string;
  /** Words to expect: names, products. */
  readonly keyterms: readonly string[];
  /** What will be written; absent: the telephone's. A vendor whose protocol cannot take it converts it. */
  readonly audio?: AudioFormat | undefined;
};

export type SpeechToText = {
  readonly vendor: string;
  readonly model: string;
  /** Never changes after the vendor was opened; of a chain it is what the stream opened next begins with. */
  readonly can: {
    /** It decides itself when a turn has ended. */
    readonly endOfTurn: boolean;
    readonly finalize: boolean;
  };
  /** Connects at once; audio written before the socket is open is kept (at most 10 s) and sent then. Never throws: failures are said. */
  listen(options: HearingOptions, on: (heard: Heard) => void): HearingStream;
  /** The cheapest real request that shows whether the key is accepted. */
  check(signal: AbortSignal): Promise<Check>;
  close(): void;
};
