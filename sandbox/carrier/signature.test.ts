import twilio from 'twilio';
import { expect, test } from 'vitest';
import { twilioSignature } from './signature.ts';

const url = 'https://voice.example.test/hooks/voice/1/twiml?x=a%20b';

test('the official validator accepts a signed form, also with empty values and odd characters', () => {
  const params = { To: '+15550100', CallSid: 'CA1', CalledCity: '', Note: 'a & b = ü' };
  const signature = twilioSignature('token', url, params);
  expect(twilio.validateRequest('token', signature, url, params)).toBe(true);
});

test('the official validator refuses another token, another parameter and another URL', () => {
  const params = { To: '+15550100' };
  const signature = twilioSignature('token', url, params);
  expect(twilio.validateRequest('other', signature, url, params)).toBe(false);
  expect(twilio.validateRequest('token', signature, url, { To: '+15550101' })).toBe(false);
  expect(twilio.validateRequest('token', signature, `${url}&y=1`, params)).toBe(false);
});

test('the official validator accepts a signed WebSocket upgrade under its wss URL only', () => {
  const stream = 'wss://voice.example.test/hooks/voice/1/stream';
  const signature = twilioSignature('token', stream, {});
  expect(twilio.validateRequest('token', signature, stream, {})).toBe(true);
  const https = stream.replace('wss:', 'https:');
  expect(twilio.validateRequest('token', signature, https, {})).toBe(false);
});
