import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import type { ChannelChange } from '#store/store.ts';
import { TENANT } from '#test/support/hooks.ts';
import { hooksForEach } from '#test/support/hooks-for-each.ts';

const KEY = 'key_0123456789';

const hooks = hooksForEach({ provider: 'retell', secrets: { api_key: KEY } });

const change = (channel: ChannelChange): Promise<unknown> =>
  hooks.store.channels.upsert(TENANT, hooks.rig.instanceId, channel);
const configure = (voice: object): Promise<unknown> =>
  hooks.store.instances.update(TENANT, hooks.rig.instanceId, {
    agentConfig: agentConfigSchema.parse({ voice }),
  });

const CALL = {
  event: 'call_inbound',
  event_timestamp: 1_780_012_672_105,
  call_inbound: { call_id: 'call_1', from_number: '+14155550199', to_number: '+14155550100' },
};

/** Asks as Retell does. */
async function ask(
  { key = KEY, body = JSON.stringify(CALL), signature = '' } = {},
  instanceId = hooks.rig.instanceId,
): Promise<{ readonly status: number; readonly answer: unknown }> {
  const response = await fetch(`${hooks.rig.origin}/hooks/voice/${instanceId}/inbound`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-retell-signature': signature || signatureAt(body, key),
    },
    body,
  });
  return { status: response.status, answer: await response.json() };
}

/** At the rig's time. */
function signatureAt(body: string, key: string): string {
  const ms = String(hooks.rig.clock.now());
  return `v=${ms},d=${createHmac('sha256', key)
    .update(body + ms)
    .digest('hex')}`;
}

const REJECTED = { status: 200, answer: { call_inbound: { reject: true } } };

describe('a call that wants to come in', () => {
  test("is taken, with the agent's variables", async () => {
    await configure({ retell: { dynamic_variables: { shop: 'Main Street' } } });
    expect(await ask()).toEqual({
      status: 200,
      answer: {
        call_inbound: {
          dynamic_variables: { shop: 'Main Street' },
          metadata: { instance_id: hooks.rig.instanceId },
        },
      },
    });
  });

  test('leaves nothing in the store: there may never be a call', async () => {
    await ask();
    expect(await hooks.store.calls.live(TENANT, hooks.rig.instanceId)).toEqual([]);
  });

  test('is refused while the channel is off', async () => {
    await change({ enabled: false });
    expect(await ask()).toEqual(REJECTED);
  });

  test('is refused while another provider serves the channel', async () => {
    await change({ provider: 'pipecat' });
    expect(await ask()).toEqual(REJECTED);
  });

  test('is refused outside business hours and taken within them', async () => {
    const hours = (from: string, to: string) => ({
      business_hours: { timezone: 'UTC', open: [{ days: ['thu'], from, to }] },
    });
    // The rig's time is Thursday, midnight.
    await configure(hours('00:00', '01:00'));
    expect(await ask()).toMatchObject({ answer: { call_inbound: { metadata: {} } } });
    await configure(hours('09:00', '17:00'));
    expect(await ask()).toEqual(REJECTED);
  });

  test('is refused while this server has no room for it, or shuts down', async () => {
    hooks.hasRoom = false;
    expect(await ask()).toEqual(REJECTED);
    hooks.hasRoom = true;
    hooks.isReady = false;
    expect(await ask()).toEqual(REJECTED);
  });

  test("is taken all the same where an agent of its owner's talks without us", async () => {
    await change({ agentId: 'agent_1' });
    hooks.hasRoom = false;
    expect(await ask()).toMatchObject({ answer: { call_inbound: { metadata: {} } } });
  });
});

describe('who asks', () => {
  test('must have signed with the key of the channel', async () => {
    expect(await ask({ key: 'key_other' })).toMatchObject({ status: 401 });
    expect(await ask({ signature: 'v=1,d=00' })).toMatchObject({ status: 401 });
  });

  test('signs with the webhook secret where there is one, and with nothing else then', async () => {
    await change({ secrets: { webhook_secret: 'whs_1' } });
    expect(await ask()).toMatchObject({ status: 401 });
    expect(await ask({ key: 'whs_1' })).toMatchObject({ status: 200 });
  });

  test('must ask in time', async () => {
    const body = JSON.stringify(CALL);
    const signature = signatureAt(body, KEY);
    await hooks.rig.clock.advance(300_001);
    expect(await ask({ body, signature })).toMatchObject({ status: 401 });
  });

  test('is not known where no key is stored, or no channel is', async () => {
    await change({ secrets: { api_key: null } });
    expect(await ask()).toMatchObject({ status: 401 });
    const nobody = '33333333-3333-4333-8333-333333333333';
    expect(await ask({}, nobody)).toMatchObject({ status: 404 });
  });

  test('must ask about an inbound call, in JSON', async () => {
    expect(await ask({ body: 'hello' })).toMatchObject({ status: 400 });
    expect(await ask({ body: '{"event":"chat_inbound"}' })).toMatchObject({ status: 400 });
  });
});
