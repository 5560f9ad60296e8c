import { expect, test } from 'vitest';
import { createRetellProvider } from './provider.ts';

const provider = createRetellProvider({ publicUrl: 'https://voice.example.test' });
const channel = {
  tenantId: 'tenant',
  instanceId: 'instance',
  agentId: 'agent',
  phoneNumber: null,
  twilioAccountSid: null,
  twilioPhoneNumber: null,
  wiring: {},
};

test('a Retell channel is never complete, and says that Retell is not served', () => {
  const missing = provider.missing(channel, ['api_key', 'webhook_secret']);
  expect(missing).toHaveLength(1);
  expect(missing[0]).toContain('Retell');
});

test('a Retell channel without key and agent names them', () => {
  const missing = provider.missing({ ...channel, agentId: null }, []).join('; ');
  expect(missing).toContain('api_key');
  expect(missing).toContain('agent_id');
});

test('nothing is applied and nothing is to undo', async () => {
  expect(await provider.apply(channel, {})).toMatchObject({ kind: 'refused', field: 'provider' });
  expect(provider.undoPayload(channel, {})).toBeUndefined();
  expect(provider.webhookUrl('7')).toBe('https://voice.example.test/hooks/voice/7');
});
