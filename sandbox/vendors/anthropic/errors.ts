import { randomBytes } from 'node:crypto';
import type { Fault } from '../../faults.ts';

/** A refusal in Anthropic's shape. */
export type AnthropicRefusal = {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
};

export const newRequestId = (): string => `req_${randomBytes(18).toString('base64url')}`;

/** The body of an HTTP error, and the data of an `error` event. */
export const refusalBody = (
  { type, message }: Pick<AnthropicRefusal, 'type' | 'message'>,
  requestId: string,
): object => ({ type: 'error', error: { type, message }, request_id: requestId });

export const invalidRequest = (message: string): AnthropicRefusal => ({
  status: 400,
  type: 'invalid_request_error',
  message,
});

export const notFound = (message: string): AnthropicRefusal => ({
  status: 404,
  type: 'not_found_error',
  message,
});

export const unauthenticated = (message: string): AnthropicRefusal => ({
  status: 401,
  type: 'authentication_error',
  message,
});

export const WRONG_KEY = unauthenticated('The API key is not valid.');

export const SERVER_ERROR: AnthropicRefusal = {
  status: 500,
  type: 'api_error',
  message: 'Internal server error',
};

/** What a stream says when the service cannot go on with it. */
export const OVERLOADED: AnthropicRefusal = {
  status: 529,
  type: 'overloaded_error',
  message: 'Overloaded',
};

/** What a fault makes of a request before it starts; undefined: it starts. */
export function refusalOf(fault: Fault | undefined): AnthropicRefusal | undefined {
  switch (fault?.kind) {
    case 'refuse':
      return WRONG_KEY;
    case 'quota':
      return {
        status: 402,
        type: 'billing_error',
        message:
          'Your credit balance is too low to access the API. Please go to Plans & Billing to upgrade or purchase credits.',
      };
    case 'limit':
      return {
        status: 429,
        type: 'rate_limit_error',
        message:
          'This request would exceed the rate limit of your organization of 50 requests per minute.',
        headers: { 'retry-after': '1', 'anthropic-ratelimit-requests-remaining': '0' },
      };
    case 'server-error':
      return SERVER_ERROR;
    default:
      return undefined;
  }
}
