import { expect, test } from 'vitest';
import type { KeyProblem, ProviderChannel } from '#contracts/provider.ts';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createPipecatProvider } from './provider.ts';

/** Without a carrier, so that nothing but keys is at stake. */
const channel: ProviderChannel = {
  tenantId: 'tenant',
  instanceId: '3f1c6f3e-8a4e-4a65-9f0e-2a3f3d3b7c11',
  agentId: null,
  phoneNumber: null,
  twilioAccountSid: null,
  twilioPhoneNumber: null,
  wiring: {},
};
const secrets = { openai_api_key: 'sk', twilio_auth_token: 'token' };
const providerThatFinds = (...problems: KeyProblem[]) =>
  createPipecatProvider({
    publicUrl: 'https://voice.example.test',
    twilioUrl: 'https://twilio.example.test',
    clock: virtualClock(),
    log: silentLog,
    vendorKeys: { 'speech-to-text': [], 'language-model': [], 'text-to-speech': [] },
    checkKeys: () => Promise.resolve(problems),
  });
const refused = { field: 'openai_api_key', kind: 'refused', message: 'no such key' } as const;
const failing = { field: 'google_api_key', kind: 'failing', message: 'unreachable' } as const;

test('keys that work leave nothing to say', async () => {
  expect(await providerThatFinds().apply(channel, secrets)).toEqual({ kind: 'done', wiring: {} });
});

test('a key that is refused is refused on its field if it was just given, else a warning', async () => {
  const provider = providerThatFinds(refused);
  expect(await provider.apply(channel, secrets, undefined, ['openai_api_key'])).toEqual({
    kind: 'refused',
    field: 'openai_api_key',
    message: 'no such key',
  });
  expect(await provider.apply(channel, secrets)).toEqual({
    kind: 'done',
    wiring: {},
    warning: 'openai_api_key: no such key',
  });
});

test('what cannot be tried now is a warning, beside those that have nothing to do with keys', async () => {
  const given = ['google_api_key', 'openai_api_key'] as const;
  const provider = providerThatFinds(failing);
  expect(await provider.apply(channel, { openai_api_key: 'sk' }, undefined, given)).toMatchObject({
    kind: 'done',
    warning: expect.stringMatching(/^No phone calls yet.*\ngoogle_api_key: unreachable$/),
  });
});
