import Retell from 'retell-sdk';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { startRetell } from './retell.ts';
import type { Retell as Sandbox, RetellAccount } from './retell.ts';
import { voiceIds } from './workspace.ts';

const NUMBER = '+12025550123';
const CUSTOM = {
  response_engine: { type: 'custom-llm' as const, llm_websocket_url: 'wss://llm.example.test/x' },
  voice_id: voiceIds[0],
};

let clock: VirtualClock;
let sandbox: Sandbox;
let account: RetellAccount;
let client: Retell;
beforeEach(async () => {
  clock = virtualClock(1_780_000_000_000);
  sandbox = await startRetell({ clock });
  account = sandbox.addAccount();
  client = clientWith(account.apiKey);
});
afterEach(() => sandbox.close());

const clientWith = (apiKey: string): Retell =>
  new Retell({ apiKey, baseURL: sandbox.origin, maxRetries: 0 });

describe('the official SDK', () => {
  test('makes, reads, changes, lists and deletes agents', async () => {
    const made = await client.agent.create({ ...CUSTOM, agent_name: 'Anna' });
    expect(made).toMatchObject({ ...CUSTOM, version: 0, is_published: false, agent_name: 'Anna' });
    const { agent_id: id } = made;
    const changed = await client.agent.update(id, { webhook_url: 'https://v.example.test/h' });
    expect(changed).toMatchObject({ version: 0, webhook_url: 'https://v.example.test/h' });
    expect(await client.agent.retrieve(id)).toEqual(changed);
    const listed = await client.agent.list({ filter_criteria: { query: 'ann' } });
    expect(listed).toMatchObject({
      has_more: false,
      items: [{ agent_id: id, agent_name: 'Anna' }],
    });
    await client.agent.delete(id);
    await expect(client.agent.retrieve(id)).rejects.toMatchObject({
      status: 404,
      error: { status: 'error', message: `Item ${id} not found from agent` },
    });
  });

  test('finds that a published version stays as it is, and branches a draft off it', async () => {
    const { agent_id: id } = await client.agent.create(CUSTOM);
    await client.agent.publish(id, { version: 0 });
    await expect(client.agent.update(id, { agent_name: 'B' })).rejects.toMatchObject({
      status: 422,
      message: '422 Cannot update published agent other than version title',
    });
    expect(await client.agent.retrieve(id)).toMatchObject({ version: 0, is_published: true });
    expect(await client.agent.createVersion(id, { base_version: 0 })).toMatchObject({
      version: 1,
      is_published: false,
    });
    await client.agent.update(id, { agent_name: 'B' });
    expect(await client.agent.retrieve(id, { version: 0 })).not.toHaveProperty('agent_name');
    await client.post(`/publish-agent/${id}`);
    const { items } = await client.agent.listVersions(id, { sort_order: 'ascending' });
    expect(items).toMatchObject([
      { version: 0, is_published: true },
      { version: 1, is_published: true, base_version: 0 },
    ]);
    await client.agent.deleteVersion(id, { version: 1 });
    expect(await client.agent.retrieve(id)).toMatchObject({ version: 0 });
  });

  test('binds numbers by weight alone', async () => {
    account.addNumber({ phoneNumber: NUMBER });
    const agentId = account.addAgent();
    const bound = await client.phoneNumber.update(NUMBER, {
      inbound_agents: [{ agent_id: agentId, weight: 1, agent_version: 'latest' }],
      inbound_webhook_url: 'https://v.example.test/in',
    });
    expect(bound).toMatchObject({
      phone_number: NUMBER,
      phone_number_type: 'retell-twilio',
      inbound_agents: [{ agent_id: agentId, weight: 1, agent_version: 'latest' }],
      inbound_webhook_url: 'https://v.example.test/in',
    });
    expect(await client.phoneNumber.retrieve(NUMBER)).toEqual(bound);
    expect((await client.phoneNumber.list()).items).toEqual([bound]);
    const half = { inbound_agents: [{ agent_id: agentId, weight: 0.5 }] };
    await expect(client.phoneNumber.update(NUMBER, half)).rejects.toMatchObject({ status: 400 });
    for (const old of [{ inbound_agent_id: agentId }, { inbound_agents: [{ agent_id: agentId }] }])
      await expect(
        client.patch(`/update-phone-number/${NUMBER}`, { body: old }),
      ).rejects.toMatchObject({
        status: 400,
        error: { message: 'Deprecated API usage is no longer supported' },
      });
    expect(await client.phoneNumber.update(NUMBER, { inbound_agents: null })).toMatchObject({
      inbound_agents: null,
    });
    await client.phoneNumber.delete(NUMBER);
    await expect(client.phoneNumber.retrieve(NUMBER)).rejects.toThrow(
      `404 Item ${NUMBER} not found from phone-number`,
    );
  });

  test('buys and imports numbers, but none that another account has', async () => {
    const bought = await client.phoneNumber.create({ area_code: 415, country_code: 'US' });
    expect(bought.phone_number).toMatch(/^\+1415\d{7}$/);
    const imported = await client.phoneNumber.import({
      phone_number: '+442071838750',
      termination_uri: 'someone.pstn.twilio.com',
      sip_trunk_auth_username: 'user',
      sip_trunk_auth_password: 'secret',
    });
    expect(imported).toMatchObject({
      phone_number_type: 'custom',
      sip_outbound_trunk_config: {
        termination_uri: 'someone.pstn.twilio.com',
        auth_username: 'user',
        transport: 'TCP',
      },
    });
    expect(JSON.stringify(imported)).not.toContain('secret');
    const other = clientWith(sandbox.addAccount().apiKey);
    await expect(
      other.phoneNumber.import({
        phone_number: imported.phone_number,
        termination_uri: 'else.pstn.twilio.com',
      }),
    ).rejects.toMatchObject({ status: 400 });
  });

  test('dials out, reads the call, stops it, and lists it', async () => {
    const agentId = account.addAgent({ ring_duration_ms: 5_000 });
    account.addNumber({
      phoneNumber: NUMBER,
      outboundAgents: [{ agent_id: agentId, weight: 1 }],
    });
    const call = await client.call.createPhoneCall({
      from_number: NUMBER,
      to_number: '+12025550188',
      metadata: { a: 1 },
      retell_llm_dynamic_variables: { name: 'Anna' },
    });
    expect(call).toMatchObject({
      call_status: 'registered',
      direction: 'outbound',
      agent_id: agentId,
      metadata: { a: 1 },
      retell_llm_dynamic_variables: { name: 'Anna' },
    });
    expect(await client.concurrency.retrieve()).toMatchObject({
      current_concurrency: 1,
      concurrency_limit: 20,
    });
    await clock.advance(5_000);
    const ended = await client.call.retrieve(call.call_id);
    expect(ended).toMatchObject({
      call_status: 'not_connected',
      disconnection_reason: 'dial_no_answer',
    });
    await expect(client.call.stop(call.call_id)).rejects.toMatchObject({ status: 400 });
    const listed = await client.call.list({
      filter_criteria: {
        agent: [{ agent_id: agentId }],
        direction: { type: 'enum', op: 'in', value: ['outbound'] },
        call_status: { type: 'enum', op: 'in', value: ['not_connected'] },
      },
      include_total: true,
    });
    expect(listed).toMatchObject({ total: 1, items: [{ call_id: call.call_id }] });
    expect(listed.items[0]).not.toHaveProperty('transcript');
    await client.call.update(call.call_id, { metadata: { b: 2 } });
    expect(await client.call.retrieve(call.call_id)).toMatchObject({ metadata: { b: 2 } });
    await client.call.delete(call.call_id);
    await expect(client.call.retrieve(call.call_id)).rejects.toMatchObject({ status: 404 });
  });

  test('makes a web call that ends if nobody joins', async () => {
    const agentId = account.addAgent();
    const made = await client.call.createWebCall({ agent_id: agentId });
    expect(made).toMatchObject({ transport: 'gateway', expires_at: clock.now() + 30_000 });
    await clock.advance(30_000);
    expect(await client.call.retrieve(made.call_id)).toMatchObject({
      call_type: 'web_call',
      call_status: 'error',
      disconnection_reason: 'error_user_not_joined',
    });
  });

  test('is refused with a wrong key, and sees nothing of another account', async () => {
    await expect(clientWith('key_wrong').agent.list()).rejects.toMatchObject({
      status: 401,
      error: { status: 'error', message: 'API key is missing or invalid.' },
    });
    const agentId = account.addAgent();
    const other = clientWith(sandbox.addAccount().apiKey);
    await expect(other.agent.retrieve(agentId)).rejects.toMatchObject({ status: 404 });
    expect((await other.agent.list()).items).toEqual([]);
  });

  test.each([
    ['an unknown field', { ...CUSTOM, colour: 'red' }],
    ['a wrong type', { ...CUSTOM, responsiveness: '1' }],
    ['a value beyond its limit', { ...CUSTOM, end_call_after_silence_ms: 9_999 }],
    ['no engine', { voice_id: voiceIds[0] }],
    ['an event that does not exist', { ...CUSTOM, webhook_events: ['call_exploded'] }],
  ])('is refused with %s', async (_, body) => {
    await expect(client.post('/create-agent', { body })).rejects.toMatchObject({
      status: 400,
      error: { status: 'error' },
    });
  });

  test('suffers the faults that are set, as often as they are set', async () => {
    const list = () => client.agent.list();
    sandbox.setRestFaults(
      { kind: 'answer', status: 402, times: 1 },
      { kind: 'answer', status: 429, times: 1 },
      { kind: 'answer', status: 500, times: 1 },
      { kind: 'reset', times: 1 },
    );
    await expect(list()).rejects.toThrow('402 Trial has ended, please add payment method.');
    await expect(list()).rejects.toThrow('429 Account rate limited');
    await expect(list()).rejects.toThrow('500 An unexpected server error occurred.');
    await expect(list()).rejects.toBeInstanceOf(Retell.APIConnectionError);
    expect((await list()).items).toEqual([]);
    sandbox.setRestFaults({ kind: 'lost-answer', path: '/create-agent', times: 1 });
    await expect(client.agent.create(CUSTOM)).rejects.toBeInstanceOf(Retell.APIConnectionError);
    expect((await list()).items).toHaveLength(1);
    expect(sandbox.requests.map(({ status }) => status)).toEqual([
      402,
      429,
      500,
      undefined,
      200,
      undefined,
      200,
    ]);
  });

  test('leaves an account as it found it, and the snapshot says so', async () => {
    account.addNumber({ phoneNumber: NUMBER });
    const before = account.snapshot();
    const { agent_id: id } = await client.agent.create(CUSTOM);
    await client.phoneNumber.update(NUMBER, { inbound_agents: [{ agent_id: id, weight: 1 }] });
    expect(account.snapshot()).not.toEqual(before);
    await client.phoneNumber.update(NUMBER, { inbound_agents: null });
    await client.agent.delete(id);
    expect(account.snapshot()).toEqual(before);
  });

  test('may find that published versions stay', async () => {
    await using strict = await startRetell({ clock, keepsPublished: true });
    const of = strict.addAccount();
    const id = of.addAgent();
    const other = new Retell({ apiKey: of.apiKey, baseURL: strict.origin, maxRetries: 0 });
    await other.agent.createVersion(id, { base_version: 0 });
    await expect(other.agent.deleteVersion(id, { version: 0 })).rejects.toMatchObject({
      status: 400,
    });
    await other.agent.deleteVersion(id, { version: 1 });
    expect(await other.agent.retrieve(id)).toMatchObject({ version: 0, is_published: true });
  });
});
