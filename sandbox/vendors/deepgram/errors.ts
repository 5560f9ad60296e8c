import type { Fault } from '../../faults.ts';

/** A refusal in Deepgram's HTTP shape, before `request_id` is added. */
export type DeepgramRefusal = {
  readonly status: number;
  readonly err_code: string;
  readonly err_msg: string;
};

/** A query that Deepgram does not accept. */
export const badQuery = (detail: string): DeepgramRefusal => ({
  status: 400,
  err_code: 'INVALID_QUERY_PARAMETER',
  err_msg: `Failed to deserialize query parameters: ${detail}`,
});

/** A query that is well-formed and asks for what is not there. */
export const badRequest = (detail: string): DeepgramRefusal => ({
  status: 400,
  err_code: 'Bad Request',
  err_msg: `Bad Request: ${detail}`,
});

export const INVALID_CREDENTIALS: DeepgramRefusal = {
  status: 401,
  err_code: 'INVALID_AUTH',
  err_msg: 'Invalid credentials.',
};

export const NOT_FOUND: DeepgramRefusal = {
  status: 404,
  err_code: 'NOT_FOUND',
  err_msg: 'The requested resource was not found.',
};

/** What a fault makes of a request before it starts; undefined: it starts. */
export function refusalOf(fault: Fault | undefined): DeepgramRefusal | undefined {
  switch (fault?.kind) {
    case 'refuse':
      return INVALID_CREDENTIALS;
    case 'quota':
      return {
        status: 402,
        err_code: 'ASR_PAYMENT_REQUIRED',
        err_msg: 'Project does not have enough credits for an ASR request.',
      };
    case 'limit':
      return {
        status: 429,
        err_code: 'TOO_MANY_REQUESTS',
        err_msg: 'Too many requests. Please try again later.',
      };
    case 'server-error':
      return {
        status: 503,
        err_code: 'SERVICE_UNAVAILABLE',
        err_msg: 'The service is temporarily unavailable.',
      };
    default:
      return undefined;
  }
}

/** The headers and body that Deepgram answers a refusal with. */
export const refusalAnswer = (
  { err_code, err_msg }: DeepgramRefusal,
  requestId: string,
): { readonly headers: Readonly<Record<string, string>>; readonly body: object } => ({
  headers: { 'dg-error': err_msg, 'dg-request-id': requestId },
  body: { err_code, err_msg, request_id: requestId },
});
