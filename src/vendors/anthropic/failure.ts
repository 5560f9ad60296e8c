import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { FailureCode, VendorFailure } from '#contracts/vendor.ts';
import { isRecord, parseRecord, textOf } from '#lib/record.ts';

/** An HTTP answer that is no success; the body is `{"type":"error","error":{type,message}}`. */
export function failureOfAnswer(
  failures: FailureMaker,
  status: number,
  body: string,
): VendorFailure {
  const error = parseRecord(body)?.['error'];
  const message = isRecord(error) ? textOf(error['message']) : '';
  if (isOutOfQuota(isRecord(error) ? error['type'] : '', message))
    return failures.of('quota', `anthropic: ${message}`);
  return failures.ofStatus(status, message);
}

/** The data of an `error` event in the stream, in the same shape. */
export function failureOfEvent(failures: FailureMaker, error: unknown): VendorFailure {
  if (!isRecord(error)) return failures.of('garbled', 'anthropic failed without saying why');
  const type = textOf(error['type']);
  const message = textOf(error['message']);
  const code = isOutOfQuota(type, message) ? 'quota' : (CODES[type] ?? 'unreachable');
  // Of a refused key nothing is repeated: services quote parts of it.
  const said = code === 'refused' ? 'refuses the key' : message || type;
  return failures.of(code, code === 'refused' ? `anthropic ${said}` : `anthropic: ${said}`);
}

/** An empty balance and a reached spend limit came as a 400 before `billing_error` had a status of its own, and may still. */
const isOutOfQuota = (type: unknown, message: string): boolean =>
  type === 'billing_error' ||
  /credit balance is too low|reached your .*usage limits/i.test(message);

const CODES: Readonly<Record<string, FailureCode>> = {
  invalid_request_error: 'invalid',
  not_found_error: 'invalid',
  authentication_error: 'refused',
  permission_error: 'refused',
  rate_limit_error: 'limited',
  timeout_error: 'timeout',
  // Everybody's load, not ours: it comes with HTTP 529, and another vendor is the remedy.
  overloaded_error: 'unreachable',
  api_error: 'unreachable',
};
