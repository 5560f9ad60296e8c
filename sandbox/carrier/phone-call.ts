import type { DocumentSource } from './call-document.ts';
import type { MediaStream } from './media-stream.ts';

export type CallStatus =
  | 'queued'
  | 'ringing'
  | 'in-progress'
  | 'completed'
  | 'busy'
  | 'no-answer'
  | 'canceled'
  | 'failed';

/** `code` is Twilio's; 0 is this carrier's own word on what it cannot do. */
export type CarrierWarning = {
  readonly code: number;
  readonly message: string;
  readonly callSid: string | undefined;
  readonly atMs: number;
};

export type PhoneCall = {
  readonly sid: string;
  readonly accountSid: string;
  readonly from: string;
  readonly to: string;
  readonly phoneNumberSid: string;
  readonly direction: 'inbound';
  readonly status: CallStatus;
  readonly startedAtMs: number;
  readonly answeredAtMs: number | undefined;
  readonly endedAtMs: number | undefined;
  /** Every media stream of the call, the running one last. */
  readonly streams: readonly MediaStream[];
  /** Numbers that the call was handed over to. */
  readonly dialled: readonly string[];
  /** The caller puts the phone down. */
  hangUp(): void;
  /** The account ends the call by the REST API. */
  complete(): void;
  /** The account replaces the running TwiML by the REST API; a running stream is stopped. */
  redirect(source: DocumentSource): void;
  /** Stops a running stream by the REST API; false when the call has no such stream running. */
  stopStream(streamSid: string): boolean;
  /** Resolves when the call is over and its last status callback was delivered or given up. */
  readonly done: Promise<void>;
};
