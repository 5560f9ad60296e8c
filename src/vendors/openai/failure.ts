import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { FailureCode, VendorFailure } from '#contracts/vendor.ts';
import { isRecord, parseRecord, textOf } from '#lib/record.ts';

/** An HTTP answer that is no success; the body is `{"error":{message,type,param,code}}`. */
export function failureOfAnswer(
  failures: FailureMaker,
  status: number,
  body: string,
): VendorFailure {
  const error = parseRecord(body)?.['error'];
  const message = isRecord(error) ? textOf(error['message']) : '';
  // "Out of money" comes as a 429, but waiting does not help.
  if (isRecord(error) && isOutOfQuota(error['code'], error['type']))
    return failures.of('quota', `openai: ${message}`);
  return failures.ofStatus(status, message);
}

/** An error inside the stream: of an `error` event, or of a failed response. */
export function failureOfEvent(failures: FailureMaker, error: unknown): VendorFailure {
  if (!isRecord(error)) return failures.of('garbled', 'openai failed without saying why');
  const code = textOf(error['code']);
  return failures.of(codeOf(code, error['type']), `openai: ${textOf(error['message']) || code}`);
}

const isOutOfQuota = (...codes: readonly unknown[]): boolean =>
  codes.includes('insufficient_quota') || codes.includes('billing_hard_limit_reached');

const codeOf = (code: string, type: unknown): FailureCode => {
  if (isOutOfQuota(code, type)) return 'quota';
  if (code.startsWith('rate_limit')) return 'limited';
  if (code === 'server_error' || code === '') return 'unreachable';
  if (code === 'invalid_api_key') return 'refused';
  return 'invalid';
};
