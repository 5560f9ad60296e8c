import { newUuid } from '#lib/ids.ts';
import type { Fault } from '../../faults.ts';

/** A failure in the terms of Cartesia's structured errors (versions from 2026-03-01 on). */
export type CartesiaFailure = {
  readonly status: number;
  readonly error_code: string | null;
  readonly title: string;
  readonly message: string;
};

export const invalidRequest = (message: string): CartesiaFailure => ({
  status: 400,
  error_code: 'invalid_request',
  title: 'Invalid request',
  message,
});

export const UNAUTHORISED: CartesiaFailure = {
  status: 401,
  error_code: 'unauthorized',
  title: 'Unauthorized',
  message: 'Invalid API key or access token.',
};

export const NOT_FOUND: CartesiaFailure = {
  status: 404,
  error_code: 'not_found',
  title: 'Not found',
  message: 'There is nothing at this address.',
};

export const CONCURRENCY_LIMITED: CartesiaFailure = {
  status: 429,
  error_code: 'concurrency_limited',
  title: 'Too many concurrent requests',
  message: "You have exceeded your plan's concurrency limit.",
};

const SERVER_ERROR: CartesiaFailure = {
  status: 500,
  error_code: null,
  title: 'Internal server error',
  message: 'The server could not complete the request.',
};

/** What a fault makes of a handshake or a context before it starts; undefined: it starts. */
export function failureOf(fault: Fault | undefined): CartesiaFailure | undefined {
  switch (fault?.kind) {
    case 'refuse':
      return UNAUTHORISED;
    case 'quota':
      return {
        status: 402,
        error_code: 'quota_exceeded',
        title: 'Out of credits',
        message: 'You have used all credits of your plan.',
      };
    case 'limit':
      return CONCURRENCY_LIMITED;
    case 'server-error':
      return SERVER_ERROR;
    default:
      return undefined;
  }
}

/** The body of an HTTP error. */
export const failureBody = ({ error_code, title, message }: CartesiaFailure): object => ({
  error_code,
  title,
  message,
  request_id: newUuid(),
});

/** The error event of a WebSocket; it ends its context. */
export const errorEvent = (
  { status, error_code, title, message }: CartesiaFailure,
  contextId?: string,
): object => ({
  type: 'error',
  ...(contextId === undefined ? {} : { context_id: contextId }),
  status_code: status,
  done: true,
  error_code,
  title,
  message,
  request_id: newUuid(),
});

/** How a context reports that the service failed in the middle of it. */
export const midstreamError = (contextId: string): object => errorEvent(SERVER_ERROR, contextId);
