import { newUuid } from '#lib/ids.ts';
import type { Fault } from '../../faults.ts';

/** A failure in the terms of ElevenLabs; the socket closes with 1008 whatever the status would be. */
export type ElevenLabsFailure = {
  readonly status: number;
  /** The kind of failure, such as `authentication_error`. */
  readonly type: string;
  readonly code: string;
  readonly message: string;
};

const invalid = (code: string, message: string, status = 400): ElevenLabsFailure => ({
  status,
  type: 'validation_error',
  code,
  message,
});

export const INVALID_KEY: ElevenLabsFailure = {
  status: 401,
  type: 'authentication_error',
  code: 'invalid_api_key',
  message: 'Invalid API key',
};

export const MISSING_KEY: ElevenLabsFailure = {
  status: 401,
  type: 'authentication_error',
  code: 'needs_authorization',
  message: 'Neither authorization header nor xi-api-key received, please provide one of them.',
};

export const QUOTA_EXCEEDED: ElevenLabsFailure = {
  // Not 402: the service has answered an empty account with 401 for years.
  status: 401,
  type: 'payment_required',
  code: 'quota_exceeded',
  message:
    'This request exceeds your quota of 10000. You have 0 credits remaining, while 21 credits are required for this request.',
};

export const TOO_MANY_REQUESTS: ElevenLabsFailure = {
  status: 429,
  type: 'rate_limit_error',
  code: 'too_many_concurrent_requests',
  message:
    'Too many concurrent requests. Your current subscription is associated with a maximum of 5 concurrent requests.',
};

export const SERVER_ERROR: ElevenLabsFailure = {
  status: 500,
  type: 'internal_error',
  code: 'internal_error',
  message: 'We are sorry, something went wrong. You are not charged for this request.',
};

export const TOO_MANY_CONTEXTS: ElevenLabsFailure = {
  status: 429,
  type: 'rate_limit_error',
  code: 'max_active_conversations',
  message:
    'Maximum simultaneous contexts per WebSocket connection exceeded (5). Please close an existing context before opening a new one.',
};

export const inputTimeout = (seconds: number): ElevenLabsFailure => ({
  status: 408,
  type: 'timeout_error',
  code: 'input_timeout_exceeded',
  message: `Have not received a new text input within the timeout of ${seconds} seconds. Streaming input terminated. Please make sure to send "" (empty string) as a last message, or to keep the context alive.`,
});

export const NOT_FOUND: ElevenLabsFailure = {
  status: 404,
  type: 'not_found',
  code: 'not_found',
  message: 'Not Found',
};

export const invalidMessage = (detail: string): ElevenLabsFailure =>
  invalid('invalid_message', `The message is not valid: ${detail}`);

export const unknownVoice = (id: string): ElevenLabsFailure =>
  invalid('voice_id_does_not_exist', `A voice with voice_id '${id}' does not exist.`, 404);

export const unknownModel = (id: string): ElevenLabsFailure =>
  invalid('model_not_found', `A model with model ID ${id} does not exist for this request.`, 404);

export const unsupported = (code: string, message: string): ElevenLabsFailure =>
  invalid(code, message);

/** What a fault makes of a request or a context before it starts; undefined: it starts. */
export function failureOf(fault: Fault | undefined): ElevenLabsFailure | undefined {
  switch (fault?.kind) {
    case 'refuse':
      return INVALID_KEY;
    case 'quota':
      return QUOTA_EXCEEDED;
    case 'limit':
      return TOO_MANY_REQUESTS;
    case 'server-error':
      return SERVER_ERROR;
    default:
      return undefined;
  }
}

/** The body of an HTTP error. */
export const failureBody = ({ type, code, message }: ElevenLabsFailure): object => ({
  // `status` is the older name of `code`; clients of both ages are served.
  detail: { type, code, status: code, message, request_id: newUuid() },
});

/** The last message of a socket before it closes with 1008. */
export const errorMessage = ({ code, message }: ElevenLabsFailure): object => ({
  message,
  error: code,
  code: 1_008,
});
