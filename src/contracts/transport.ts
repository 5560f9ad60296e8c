import type { LineAudio } from '#audio/format.ts';
import type { JsonRecord } from '#lib/record.ts';
import type { ClientEvent } from './client-event.ts';

/** What arrives from the caller's side. After `closed` nothing more arrives. */
export type TransportListener = {
  /** Whole samples in the line's format; normally 20 ms. Valid only until the listener returns. */
  audio(audio: Uint8Array): void;
  /** All audio sent before the mark of this name has been played, or was thrown away by `clear`. */
  mark(name: string): void;
  key(digit: string): void;
  /** Words that were typed instead of spoken. Unanswered ones only join what the agent knows. */
  typed?(text: string, isAnswered: boolean): void;
  /** `reason` is `caller` when the other side ended it, `broken` when the connection died. */
  closed(reason: 'caller' | 'broken'): void;
};

export type ClientToolCall = {
  /** The language model's. */
  readonly callId: string;
  readonly name: string;
  readonly arguments: JsonRecord;
};

/** How audio gets in and out of one call. */
export type Transport = {
  readonly name: string;
  /**
   * How far ahead of real time audio may be sent. `Infinity` where the other side buffers and can
   * throw its buffer away (`clear`), a small lead where it cannot.
   */
  readonly leadMs: number;
  /** What its sound is in, each way; absent: a telephone's. */
  readonly audio?: LineAudio;
  /** Set once, at the start of the session. */
  listen(listener: TransportListener): void;
  /** Whole samples in the line's format. */
  sendAudio(audio: Uint8Array): void;
  sendMark(name: string): void;
  /** Throws away what the other side has buffered; its pending marks come back at once. */
  clear(): void;
  /** Shows the caller's program what happens; absent: the caller has a telephone. */
  show?(event: ClientEvent): void;
  /**
   * Has the caller's program do something and answers its result; absent: the caller has a telephone.
   * Waits for as long as the signal allows, and rejects with its reason, or when the caller has gone.
   */
  callTool?(call: ClientToolCall, signal: AbortSignal): Promise<string>;
  /** Ends this side; after it nothing more arrives, not even `closed`. For a phone call the carrier then goes on with what the answer to its webhook said. */
  close(): void;
};
