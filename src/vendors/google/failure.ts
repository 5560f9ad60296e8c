import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { FailureCode, VendorFailure } from '#contracts/vendor.ts';
import { isRecord, parseRecord, textOf } from '#lib/record.ts';

/** A `google.rpc.Status`, which all of Google's services fail with, over gRPC and over HTTP. */
export type GoogleStatus = {
  /** By its name in `google.rpc.Code`. */
  readonly code: string;
  readonly message: string;
  /** Everything else that was said, as text: the reasons stand in it. */
  readonly details: string;
};

export function failureOfStatus(failures: FailureMaker, status: GoogleStatus): VendorFailure {
  const code = codeOf(status);
  const said = status.message.trim() || status.code;
  return failures.of(
    code,
    code === 'refused' ? `google refuses the key: ${said}` : `google: ${said}`,
  );
}

/** An HTTP answer that is no success; the body is `{"error":{code,message,status,details}}`. */
export function failureOfAnswer(
  failures: FailureMaker,
  httpStatus: number,
  body: string,
): VendorFailure {
  const error = parseRecord(body)?.['error'];
  if (!isRecord(error) || textOf(error['status']) === '')
    return failures.ofStatus(httpStatus, isRecord(error) ? textOf(error['message']) : '');
  return failureOfError(failures, error);
}

/** The value of `error` in a body or in an event. */
export function failureOfError(
  failures: FailureMaker,
  error: Readonly<Record<string, unknown>>,
): VendorFailure {
  return failureOfStatus(failures, {
    code: textOf(error['status']),
    message: textOf(error['message']),
    details: JSON.stringify(error['details'] ?? ''),
  });
}

/** What a status means for the call. */
function codeOf({ code, message, details }: GoogleStatus): FailureCode {
  switch (code) {
    case 'INVALID_ARGUMENT':
      // A wrong or expired key is a malformed request to Google, not an unauthenticated one.
      return details.includes('API_KEY_INVALID') || /API key (?:not valid|expired)/.test(message)
        ? 'refused'
        : 'invalid';
    case 'PERMISSION_DENIED':
      return details.includes('BILLING_DISABLED') ? 'quota' : 'refused';
    case 'UNAUTHENTICATED':
      return 'refused';
    case 'RESOURCE_EXHAUSTED':
      // What is used up for the day is not there in a minute.
      return /PerDay|per day/.test(`${details} ${message}`) ? 'quota' : 'limited';
    case 'DEADLINE_EXCEEDED':
      return 'timeout';
    case 'CANCELLED':
    // A stream that lasted too long, or got too little.
    case 'ABORTED':
    case 'OUT_OF_RANGE':
      return 'closed';
    case 'UNKNOWN':
    case 'INTERNAL':
    case 'UNAVAILABLE':
    case 'DATA_LOSS':
      return 'unreachable';
    default:
      return 'invalid';
  }
}
