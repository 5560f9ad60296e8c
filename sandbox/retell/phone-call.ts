import type { CallRecord } from '#sandbox/caller/record.ts';
import type { FrameRecord } from './line/llm-socket.ts';
import type { RetellCall } from './account.ts';
import type { Webhooks } from './webhooks.ts';

/** A call on a simulated line. */
export type PhoneCall = {
  readonly callId: string;
  /** As Retell knows it; undefined while it rings, and for good if it was rejected. */
  readonly call: RetellCall | undefined;
  /** Everything on the custom LLM socket. */
  readonly frames: readonly FrameRecord[];
  /** The caller hangs up, whatever the script says. */
  hangUp(): void;
  /** Resolves once the call is over and `call_analyzed` is on its way. */
  readonly done: Promise<CallOutcome>;
};

export type CallOutcome = {
  readonly callId: string;
  /** `rejected` and `no_agent` for calls that never were one; Retell's reason otherwise. */
  readonly reason: string;
  /** What the caller did and heard, in the caller's own time; undefined if nobody answered. */
  readonly record: CallRecord | undefined;
  /** Keys that the agent pressed. */
  readonly keys: string;
};

/** The live half of a call on a line. */
export type Live = {
  call: RetellCall | undefined;
  readonly frames: FrameRecord[];
  hangUp: (() => void) | undefined;
};

/** A call that nobody ever spoke on; `call_started` is not sent for it, the others are. */
export function failCall(
  call: RetellCall,
  reason: string,
  nowMs: number,
  webhooks: Webhooks,
): void {
  call.status = isError(reason) ? 'error' : 'not_connected';
  call.disconnectionReason = reason;
  call.endMs = Math.floor(nowMs);
  webhooks.send(call, 'call_ended');
  call.isAnalyzed = true;
  webhooks.send(call, 'call_analyzed');
}

export const isError = (reason: string): boolean =>
  reason.startsWith('error_') || OTHER_ERRORS.includes(reason);

/** Reasons of an error that do not say so in their name. */
const OTHER_ERRORS = [
  'concurrency_limit_reached',
  'no_valid_payment',
  'scam_detected',
  'registered_call_timeout',
];
