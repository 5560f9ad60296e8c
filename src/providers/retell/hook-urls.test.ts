import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { llmSecret, retellHookUrls } from './hook-urls.ts';

const PUBLIC_URL = 'https://voice.example.test/phone';

test('all of an instance lies under one path, which keeps the path of the public URL', () => {
  const urls = retellHookUrls(PUBLIC_URL, 'i1');
  expect(urls.events).toBe('https://voice.example.test/phone/hooks/voice/i1');
  expect(urls.inbound).toBe('https://voice.example.test/phone/hooks/voice/i1/inbound');
});

test('the socket is as encrypted as the public URL is', () => {
  const secret = llmSecret('key_1', 'i1');
  expect(retellHookUrls(PUBLIC_URL, 'i1').llm('key_1')).toBe(
    `wss://voice.example.test/phone/hooks/voice/i1/llm/${secret}`,
  );
  expect(retellHookUrls('http://127.0.0.1:80', 'i1').llm('key_1')).toBe(
    `ws://127.0.0.1:80/hooks/voice/i1/llm/${secret}`,
  );
});

test('the secret is of the key and of the instance, fits a URL, and does not show the key', () => {
  const secret = llmSecret('key_1', 'i1');
  expect(secret).toBe(
    createHmac('sha256', 'key_1').update('hydracore llm socket v1 i1').digest('base64url'),
  );
  expect(secret).toMatch(/^[\w-]{43}$/);
  expect(llmSecret('key_2', 'i1')).not.toBe(secret);
  expect(llmSecret('key_1', 'i2')).not.toBe(secret);
});
