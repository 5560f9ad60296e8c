import { describe, expect, test } from 'vitest';
import { failureMaker } from '#contracts/vendor-failure.ts';
import { failureOfAnswer, failureOfStatus } from './failure.ts';

const KEY = 'AIzaSecret-0123456789';
const failures = failureMaker('google', 'language-model', KEY);
const of = (code: string, message = '', details = '') =>
  failureOfStatus(failures, { code, message, details });

describe('a status of Google', () => {
  test.each([
    ['INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', '', 'refused'],
    ['INVALID_ARGUMENT', 'API key expired. Please renew the API key.', '', 'refused'],
    ['INVALID_ARGUMENT', 'Bad request.', '…API_KEY_INVALID…', 'refused'],
    ['INVALID_ARGUMENT', 'Unknown name "x".', '', 'invalid'],
    ['NOT_FOUND', 'models/x is not found', '', 'invalid'],
    ['PERMISSION_DENIED', 'The API has not been used in project 1.', '', 'refused'],
    ['PERMISSION_DENIED', 'Billing, please.', '…BILLING_DISABLED…', 'quota'],
    ['UNAUTHENTICATED', '', '', 'refused'],
    ['RESOURCE_EXHAUSTED', 'Quota exceeded … per minute', '', 'limited'],
    ['RESOURCE_EXHAUSTED', 'Quota exceeded', '"RequestsPerDayPerProject"', 'quota'],
    ['DEADLINE_EXCEEDED', '', '', 'timeout'],
    ['OUT_OF_RANGE', 'Audio Timeout Error', '', 'closed'],
    ['ABORTED', 'Stream aborted', '', 'closed'],
    ['INTERNAL', '', '', 'unreachable'],
    ['UNAVAILABLE', '', '', 'unreachable'],
    ['UNIMPLEMENTED', '', '', 'invalid'],
  ])('%s %j %j means %s', (code, message, details, meaning) => {
    expect(of(code, message, details).code).toBe(meaning);
  });

  test('tells the owner what to do, without the key that Google repeats', () => {
    const { message } = of('PERMISSION_DENIED', `Consumer 'api_key:${KEY}' has been suspended.`);
    expect(message).toBe("google refuses the key: Consumer 'api_key:[hidden]' has been suspended.");
  });
});

test('an answer that is no error of Google’s, such as a proxy’s, is judged by its status', () => {
  expect(failureOfAnswer(failures, 502, '<html>Bad Gateway</html>')).toMatchObject({
    code: 'unreachable',
    message: 'google answered HTTP 502',
  });
  expect(failureOfAnswer(failures, 403, '{}').code).toBe('refused');
});
