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

/** An error inside the stream: of an `error` event, of a failed response or of a failed transcription. */
export function failureOfEvent(failures: FailureMaker, error: unknown): VendorFailure {
  if (!isRecord(error)) return failures.of('garbled', 'openai failed without saying why');
  const code = textOf(error['code']);
  const meaning = codeOf(code, error['type']);
  // The message repeats parts of the key.
  if (meaning === 'refused') return failures.ofStatus(401, '');
  return failures.of(meaning, `openai: ${textOf(error['message']) || code}`);
}

/** The end of a realtime socket. Its reason is the `type.code` of an error, or a sentence. */
export function failureOfClose(
  failures: FailureMaker,
  closeCode: number,
  reason: string,
): VendorFailure {
  if (closeCode === KEY_REFUSED) return failures.ofStatus(401, '');
  const [, type, code] = /^([a-z_]+)\.([a-z_]+)$/.exec(reason) ?? [];
  const detail = reason === '' ? `${closeCode}` : `${closeCode} ${reason}`;
  const meaning = closeCode === REQUEST_REFUSED ? codeOf(code ?? reason, type) : 'closed';
  return failures.of(meaning, `openai closed the connection (${detail})`);
}

/** Close codes of the realtime service for a wrong key, and for anything else wrong with a handshake. */
const KEY_REFUSED = 3_000;
const REQUEST_REFUSED = 4_000;

const isOutOfQuota = (...codes: readonly unknown[]): boolean =>
  codes.includes('insufficient_quota') || codes.includes('billing_hard_limit_reached');

const codeOf = (code: string, type: unknown): FailureCode => {
  if (isOutOfQuota(code, type)) return 'quota';
  if (code.startsWith('rate_limit')) return 'limited';
  if (code === 'invalid_api_key') return 'refused';
  if (code === 'session_expired') return 'closed';
  if (code === 'server_error' || type === 'server_error') return 'unreachable';
  return code === '' && type !== 'invalid_request_error' ? 'unreachable' : 'invalid';
};
