import type { Fault } from '../../faults.ts';
import { speechCodec } from './protos.ts';

/** The names of `google.rpc.Code`, by number. */
const CODES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
] as const;
export type StatusCode = (typeof CODES)[number];

/** As `google.rpc.Status` has it: the same failure over gRPC and over HTTP. */
export type Status = {
  readonly code: StatusCode;
  readonly message: string;
  /** Why, in a word that programs may rely on: `google.rpc.ErrorInfo`. */
  readonly reason?: string;
  /** What was used up: `google.rpc.QuotaFailure`. */
  readonly quotaId?: string;
};

export const OK: Status = { code: 'OK', message: '' };

export const invalidArgument = (message: string): Status => ({ code: 'INVALID_ARGUMENT', message });

export const numberOfCode = (code: StatusCode): number => CODES.indexOf(code);

const HTTP_STATUS: Readonly<Partial<Record<StatusCode, number>>> = {
  INVALID_ARGUMENT: 400,
  NOT_FOUND: 404,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
};
export const httpStatusOf = (code: StatusCode): number => HTTP_STATUS[code] ?? 500;

/** The body that the REST APIs answer a failure with. */
export function errorBody(status: Status, service: string): { readonly error: object } {
  const { code, message, reason, quotaId } = status;
  const details: object[] = [];
  if (reason !== undefined)
    details.push({
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason,
      domain: 'googleapis.com',
      metadata: { service },
    });
  if (quotaId !== undefined)
    details.push({
      '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
      violations: [{ quotaMetric: `${service}/generate_requests`, quotaId }],
    });
  return {
    error: {
      code: httpStatusOf(code),
      message,
      status: code,
      ...(details.length > 0 && { details }),
    },
  };
}

/** The status in the form of the trailer `grpc-status-details-bin`; undefined where there are no details. */
export function statusDetails(status: Status, service: string): Buffer | undefined {
  if (status.reason === undefined) return undefined;
  const value = Buffer.concat([
    textField(1, status.reason),
    textField(2, 'googleapis.com'),
    bytesField(3, Buffer.concat([textField(1, 'service'), textField(2, service)])),
  ]);
  return speechCodec('google.rpc.Status').encode({
    code: numberOfCode(status.code),
    message: status.message,
    details: [{ type_url: 'type.googleapis.com/google.rpc.ErrorInfo', value }],
  });
}

/** A length-delimited field; the packages ship no definition of `google.rpc.ErrorInfo`. */
const bytesField = (field: number, bytes: Buffer): Buffer => {
  if (bytes.length > 127) throw new RangeError('longer than a length of one byte can tell');
  return Buffer.concat([Buffer.from([(field << 3) | 2, bytes.length]), bytes]);
};
const textField = (field: number, text: string): Buffer => bytesField(field, Buffer.from(text));

export const NO_KEY: Status = {
  code: 'PERMISSION_DENIED',
  message:
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.",
};

/** A wrong key is no 401 here: Google takes it for a malformed request. */
export const WRONG_KEY: Status = {
  code: 'INVALID_ARGUMENT',
  message: 'API key not valid. Please pass a valid API key.',
  reason: 'API_KEY_INVALID',
};

/** What a fault makes of a request before it starts; undefined: it starts. */
export function refusalOf(fault: Fault | undefined, service: string): Status | undefined {
  const isGemini = service.startsWith('generativelanguage');
  switch (fault?.kind) {
    case 'refuse':
      return WRONG_KEY;
    case 'quota':
      return isGemini
        ? {
            code: 'RESOURCE_EXHAUSTED',
            message:
              'You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.',
            quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier',
          }
        : {
            code: 'PERMISSION_DENIED',
            message:
              'This API method requires billing to be enabled. Please enable billing on project #123456789012 by visiting https://console.developers.google.com/billing/enable?project=123456789012 then retry.',
            reason: 'BILLING_DISABLED',
          };
    case 'limit':
      return isGemini
        ? {
            code: 'RESOURCE_EXHAUSTED',
            message:
              'You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.',
            quotaId: 'GenerateRequestsPerMinutePerProjectPerModel',
          }
        : {
            code: 'RESOURCE_EXHAUSTED',
            message: `Quota exceeded for quota metric 'Streaming requests' and limit 'Streaming requests per minute' of service '${service}' for consumer 'project_number:123456789012'.`,
            reason: 'RATE_LIMIT_EXCEEDED',
          };
    case 'server-error':
      return {
        code: 'UNAVAILABLE',
        message: isGemini
          ? 'The model is overloaded. Please try again later.'
          : 'The service is currently unavailable.',
      };
    default:
      return undefined;
  }
}

/** What the service itself reports when it fails in the middle. */
export const INTERNAL: Status = { code: 'INTERNAL', message: 'Internal error encountered.' };
