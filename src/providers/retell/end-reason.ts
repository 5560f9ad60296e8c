import type { EndReason } from '#protocol/calls.ts';

/**
 * Why a call ended, in our words, by Retell's `disconnection_reason`. One that is not known is read
 * by its beginning: Retell adds some every few months.
 */
export function endReasonOf(disconnectionReason: string): EndReason {
  const known = Object.hasOwn(END_REASONS, disconnectionReason)
    ? END_REASONS[disconnectionReason]
    : undefined;
  if (known) return known;
  if (disconnectionReason.startsWith('dial_')) return 'not_answered';
  return disconnectionReason.startsWith('error_') ? 'vendor_failure' : 'transport_lost';
}

/**
 * `told` by Retell, unless a session of ours ended the call and all that Retell saw of it is that
 * our side hung up: then the session knows better why.
 */
export function endReasonBeside(told: EndReason, session: EndReason | null): EndReason {
  const isOurs = told === 'agent_hangup' || told === 'api_hangup';
  return isOurs && session && OUR_OWN.includes(session) ? session : told;
}

const OUR_OWN: readonly EndReason[] = [
  'agent_hangup',
  'api_hangup',
  'max_duration',
  'silence',
  'vendor_failure',
  'internal_error',
  'channel_removed',
  'shutdown',
];

/** All that Retell documents, in its order: ended, not connected, error. */
export const END_REASONS: Readonly<Record<string, EndReason>> = {
  user_hangup: 'caller_hangup',
  agent_hangup: 'agent_hangup',
  call_transfer: 'transferred',
  // Nobody was there to talk to.
  voicemail_reached: 'not_answered',
  ivr_reached: 'not_answered',
  inactivity: 'silence',
  max_duration_reached: 'max_duration',
  // Passed on to the fallback number.
  no_concurrency_fallback: 'transferred',
  transfer_bridged: 'transferred',
  // The caller left while the other side was still being asked.
  transfer_cancelled: 'caller_hangup',
  // By the API or in Retell's dashboard.
  manual_stopped: 'api_hangup',
  // By a person, who then has the line.
  call_take_over: 'transferred',

  dial_busy: 'not_answered',
  dial_failed: 'not_answered',
  dial_no_answer: 'not_answered',
  invalid_destination: 'not_answered',
  telephony_provider_permission_denied: 'not_answered',
  telephony_provider_unavailable: 'not_answered',
  sip_routing_error: 'not_answered',
  marked_as_spam: 'not_answered',
  user_declined: 'not_answered',

  concurrency_limit_reached: 'not_answered',
  no_valid_payment: 'vendor_failure',
  scam_detected: 'vendor_failure',
  // The socket is ours, or that of whoever the agent was given.
  error_llm_websocket_open: 'internal_error',
  error_llm_websocket_lost_connection: 'transport_lost',
  error_llm_websocket_runtime: 'internal_error',
  error_llm_websocket_corrupt_payload: 'internal_error',
  error_no_audio_received: 'transport_lost',
  error_asr: 'vendor_failure',
  error_retell: 'vendor_failure',
  error_unknown: 'vendor_failure',
  error_user_not_joined: 'not_answered',
  registered_call_timeout: 'not_answered',
};
