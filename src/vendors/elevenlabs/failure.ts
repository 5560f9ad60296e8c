import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { FailureCode, VendorFailure } from '#contracts/vendor.ts';
import { isRecord, parseRecord, textOf } from '#lib/record.ts';

/** An HTTP answer that is no success; the body is `{"detail":{status,message}}`, or text in its place. */
export function failureOfAnswer(
  failures: FailureMaker,
  status: number,
  body: string,
): VendorFailure {
  const detail = parseRecord(body)?.['detail'];
  const { reason, message } = isRecord(detail)
    ? { reason: reasonOf(detail), message: textOf(detail['message']) }
    : { reason: '', message: textOf(detail) };
  // An empty account is answered with 401, but its key is good.
  if (codeOfReason(reason) === 'quota') return failures.of('quota', `elevenlabs: ${message}`);
  return failures.ofStatus(status, message || reason);
}

/** Whether a refusal says only that the key may not read this, which a key for speech alone need not. */
export function isMissingPermission(body: string): boolean {
  const detail = parseRecord(body)?.['detail'];
  return isRecord(detail) && reasonOf(detail) === 'missing_permissions';
}

/** Whether an account, as `GET /v1/user/subscription` shows it, can pay for no more speech. */
export function isUsedUp(body: string): boolean {
  const account = parseRecord(body);
  const used = account?.['character_count'];
  const limit = account?.['character_limit'];
  // With an extension the account goes on and is billed later.
  return (
    typeof used === 'number' &&
    typeof limit === 'number' &&
    used >= limit &&
    account?.['max_credit_limit_extension'] === 0
  );
}

/** An error said on a socket: `{"error","message"}`, or only the words of its close frame. */
export function failureOfError(
  failures: FailureMaker,
  reason: string,
  message: string,
): VendorFailure {
  const code = codeOfReason(reason) ?? codeOfWords(message) ?? 'unreachable';
  // Of a refused key nothing is repeated: services quote parts of it.
  if (code === 'refused') return failures.of(code, 'elevenlabs refuses the key');
  return failures.of(code, `elevenlabs: ${message || reason}`);
}

/** The end of a socket that was open. */
export function failureOfClose(
  failures: FailureMaker,
  code: number,
  reason: string,
): VendorFailure {
  if (code === POLICY_VIOLATION && codeOfWords(reason)) return failureOfError(failures, '', reason);
  const why = reason === '' ? code : `${code} ${reason}`;
  return failures.of('closed', `elevenlabs closed the connection (${why})`);
}

/** Every error of this service closes its socket with this code. */
const POLICY_VIOLATION = 1_008;

const reasonOf = (detail: Readonly<Record<string, unknown>>): string =>
  textOf(detail['status']) || textOf(detail['code']);

const REASONS: Readonly<Record<string, FailureCode>> = {
  quota_exceeded: 'quota',
  payment_required: 'quota',
  insufficient_credits: 'quota',
  invalid_api_key: 'refused',
  needs_authorization: 'refused',
  missing_permissions: 'refused',
  authentication_error: 'refused',
  authorization_error: 'refused',
  max_active_conversations: 'limited',
  too_many_concurrent_requests: 'limited',
  rate_limit_exceeded: 'limited',
  rate_limited: 'limited',
  system_busy: 'limited',
  input_timeout_exceeded: 'closed',
  internal_error: 'unreachable',
  internal_server_error: 'unreachable',
};

function codeOfReason(reason: string): FailureCode | undefined {
  if (Object.hasOwn(REASONS, reason)) return REASONS[reason];
  return /invalid|unsupported|not_found|not_exist|not_allowed/.test(reason) ? 'invalid' : undefined;
}

function codeOfWords(words: string): FailureCode | undefined {
  if (/quota|credits/i.test(words)) return 'quota';
  if (/api key|authoriz/i.test(words)) return 'refused';
  if (/simultaneous|concurrent|too many/i.test(words)) return 'limited';
  if (/not exist|not found|unsupported|invalid|not support/i.test(words)) return 'invalid';
  return undefined;
}
