import webhooks from 'twilio/lib/webhooks/webhooks.js';
import { describe, expect, test } from 'vitest';
import {
  formValue,
  isSignedByTwilio,
  isSocketSignedByTwilio,
  readForm,
} from './twilio-signature.ts';

const token = 'a-twilio-auth-token';
const url = 'https://voice.example.test/hooks/voice/1/twiml';
const socketUrl = 'wss://voice.example.test/hooks/voice/1/stream';
const form = readForm('CallSid=CA1&From=%2B15550001&Digits=1&Digits=2&Empty=');
const sign = (signedUrl: string, params: Record<string, unknown> = { ...form }): string =>
  webhooks.getExpectedTwilioSignature(token, signedUrl, params);

describe('a webhook', () => {
  test.each([
    url,
    'https://voice.example.test:443/hooks/voice/1/twiml',
    'https://voice.example.test/hooks/voice/1/twiml/',
  ])('signed over %s is Twilio’s', (signedUrl) => {
    expect(isSignedByTwilio(token, sign(signedUrl), url, form)).toBe(true);
  });

  test('signed with its query is Twilio’s', () => {
    const withQuery = `${url}?resume=7`;
    expect(isSignedByTwilio(token, sign(withQuery), withQuery, form)).toBe(true);
    expect(isSignedByTwilio(token, sign(url), withQuery, form)).toBe(false);
  });

  test('on a port of its own is Twilio’s with and without it', () => {
    const ported = 'https://voice.example.test:8443/hooks/voice/1/twiml';
    expect(isSignedByTwilio(token, sign(ported), ported, form)).toBe(true);
    expect(isSignedByTwilio(token, sign(url), ported, form)).toBe(true);
  });

  test('that differs in anything is not', () => {
    const good = sign(url);
    expect(isSignedByTwilio('another token', good, url, form)).toBe(false);
    expect(isSignedByTwilio(token, good, url, readForm('CallSid=CA2'))).toBe(false);
    expect(isSignedByTwilio(token, good, url.replace('/1/', '/2/'), form)).toBe(false);
    expect(isSignedByTwilio(token, good, url.replace('https', 'http'), form)).toBe(false);
    expect(isSignedByTwilio(token, `${good}=`, url, form)).toBe(false);
    expect(isSignedByTwilio(token, '', url, form)).toBe(false);
    expect(isSignedByTwilio(token, undefined, url, form)).toBe(false);
  });
});

describe('a media socket', () => {
  test.each([socketUrl, `${socketUrl}/`, 'wss://voice.example.test:443/hooks/voice/1/stream'])(
    'signed over %s is Twilio’s',
    (signedUrl) => {
      expect(isSocketSignedByTwilio(token, sign(signedUrl, {}), socketUrl)).toBe(true);
    },
  );

  test('signed over the same path of another scheme, or not at all, is not', () => {
    const https = sign(socketUrl.replace('wss', 'https'), {});
    expect(isSocketSignedByTwilio(token, https, socketUrl)).toBe(false);
    expect(isSocketSignedByTwilio(token, undefined, socketUrl)).toBe(false);
  });
});

test('a form keeps every name and every value, whatever they are called', () => {
  const read = readForm('__proto__=x&constructor=y&a=1&a=2&b=%00&toString=z');
  expect(formValue(read, '__proto__')).toBe('x');
  expect(formValue(read, 'constructor')).toBe('y');
  expect(formValue(read, 'a')).toBe('1');
  expect(read['a']).toEqual(['1', '2']);
  expect(formValue(read, 'b')).toBe('\u0000');
  expect(formValue(read, 'hasOwnProperty')).toBeUndefined();
});
