import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Applied, Provider, ProviderChannel, ProviderSecrets } from '#contracts/provider.ts';
import { agentOf, newestOf } from '#sandbox/retell/workspace.ts';
import {
  EVENTS_URL,
  openRetellWorld,
  RETELL_INSTANCE,
  RETELL_PHONE,
  undoWith,
  wiringOf,
} from '#test/support/retell-world.ts';
import type { RetellWorld } from '#test/support/retell-world.ts';
import { llmSecret } from './hook-urls.ts';
import { DEFAULT_VOICE_ID, HOOK_EVENTS } from './made-agent.ts';

const THEIRS = 'https://theirs.example.test/events';
const HOOKED = { webhook_url: EVENTS_URL, webhook_events: [...HOOK_EVENTS] };

let world: RetellWorld;
let provider: Provider;
beforeEach(async () => {
  world = await openRetellWorld();
  ({ provider } = world);
});
afterEach(() => world.close());

const apply = (
  change: Partial<ProviderChannel> = {},
  secrets: ProviderSecrets = world.secrets(),
): Promise<Applied> => provider.apply(world.channel(change), secrets);
const undo = (wiring: Readonly<Record<string, unknown>>, secrets = world.secrets()) =>
  undoWith(provider, world.channel({ wiring }), secrets);
const versions = (agentId: string) => agentOf(world.account, agentId).versions;
const onlyAgent = () => {
  const agents = [...world.account.agents.values()];
  expect(agents).toHaveLength(1);
  const [agent] = agents;
  if (!agent) throw new Error('no agent');
  return agent;
};
const number = () => world.account.numbers.get(RETELL_PHONE);

describe('what a channel needs', () => {
  test('is the key, and nothing else', () => {
    expect(provider.missing(world.channel(), []).join()).toContain('api_key');
    expect(provider.missing(world.channel(), ['api_key'])).toEqual([]);
  });

  test('its owner is shown where the events go', () => {
    expect(provider.webhookUrl(RETELL_INSTANCE)).toBe(EVENTS_URL);
  });
});

describe('without an agent of its owner', () => {
  test('one is made that has its words and its events from us', async () => {
    world.brain.agentConfig = {
      language: 'de',
      voice: { retell: { voice_id: 'openai-Alloy' }, max_call_seconds: 600 },
    };
    expect(await apply()).toEqual({ kind: 'done', wiring: expect.anything() });
    const { agentId, versions: all } = onlyAgent();
    expect(all).toHaveLength(1);
    const secret = llmSecret(world.account.apiKey, RETELL_INSTANCE);
    expect(all[0]?.settings).toMatchObject({
      ...HOOKED,
      agent_name: `Front desk (HydraCore ${RETELL_INSTANCE})`,
      response_engine: {
        type: 'custom-llm',
        llm_websocket_url: `wss://voice.example.test/hooks/voice/${RETELL_INSTANCE}/llm/${secret}`,
      },
      language: 'de-DE',
      voice_id: 'openai-Alloy',
      max_call_duration_ms: 600_000,
    });
    expect(agentId).toMatch(/^agent_/);
  });

  test('a second time nothing is changed', async () => {
    const first = wiringOf(await apply());
    const before = world.changes().length;
    expect(wiringOf(await apply({ wiring: first }))).toEqual(first);
    expect(world.changes()).toHaveLength(before);
  });

  test('a changed agent is changed at Retell, also once somebody has published it', async () => {
    const first = wiringOf(await apply());
    world.brain.name = 'Night desk';
    await apply({ wiring: first });
    expect(newestOf(onlyAgent()).settings.agent_name).toContain('Night desk');
    newestOf(onlyAgent()).isPublished = true;
    world.brain.agentConfig = { voice: { barge_in: { enabled: false } } };
    await apply({ wiring: first });
    expect(newestOf(onlyAgent())).toMatchObject({
      isPublished: false,
      settings: { interruption_sensitivity: 0, ...HOOKED },
    });
  });

  test('a voice or a language that Retell does not have is a warning, and another takes its place', async () => {
    world.brain.agentConfig = { language: 'tlh', voice: { retell: { voice_id: 'nobody' } } };
    const applied = await apply();
    expect(applied).toMatchObject({ kind: 'done', warning: expect.stringContaining('nobody') });
    expect(applied).toMatchObject({ warning: expect.stringContaining('tlh') });
    expect(newestOf(onlyAgent()).settings).toMatchObject({
      voice_id: DEFAULT_VOICE_ID,
      language: 'multi',
    });
  });

  test('without a language model it is a warning, and none where an agent of Retell talks', async () => {
    const secrets = { api_key: world.account.apiKey };
    expect(await apply({}, secrets)).toMatchObject({
      kind: 'done',
      warning: expect.stringContaining('openai_api_key or anthropic_api_key'),
    });
    const agentId = world.account.addAgent();
    expect(await apply({ agentId }, secrets)).not.toHaveProperty('warning');
  });

  test("a vendor's key that was just given and is refused is a 422 on it; one of before is a warning", async () => {
    const message = 'OpenAI does not know this key.';
    provider = world.providerAt(world.retell.origin, undefined, async () => [
      { field: 'openai_api_key', kind: 'refused', message },
    ]);
    const given = await provider.apply(world.channel(), world.secrets(), undefined, [
      'openai_api_key',
    ]);
    expect(given).toEqual({ kind: 'refused', field: 'openai_api_key', message });
    expect(world.changes()).toEqual([]);
    expect(await apply()).toMatchObject({
      kind: 'done',
      warning: `openai_api_key: ${message}`,
    });
  });

  test('a new key of the same workspace changes the secret of the socket', async () => {
    const account = world.retell.addAccount({ otherKeys: ['key_new'] });
    const before = { channel: world.channel(), secrets: { api_key: account.apiKey } };
    const wiring = wiringOf(await provider.apply(before.channel, before.secrets));
    const previous = { ...before, channel: world.channel({ wiring }) };
    const next = { channel: world.channel({ wiring }), secrets: { api_key: 'key_new' } };
    expect(await provider.carriesOn?.(previous, next)).toBe(true);
    await provider.apply(next.channel, next.secrets);
    const [agent, ...others] = account.agents.values();
    expect(others).toEqual([]);
    expect(agent && newestOf(agent).settings.response_engine).toMatchObject({
      llm_websocket_url: expect.stringContaining(llmSecret('key_new', RETELL_INSTANCE)),
    });
  });

  test('the key of another workspace cannot go on from there, nor can none', async () => {
    const wiring = wiringOf(await apply());
    const previous = { channel: world.channel({ wiring }), secrets: world.secrets() };
    const other = {
      channel: world.channel(),
      secrets: { api_key: world.retell.addAccount().apiKey },
    };
    expect(await provider.carriesOn?.(previous, other)).toBe(false);
    expect(await provider.carriesOn?.(previous, { ...other, secrets: {} })).toBe(false);
  });

  test('it is deleted in the end', async () => {
    const before = world.snapshot();
    expect(await undo(wiringOf(await apply()))).toMatchObject({ kind: 'done' });
    expect(world.snapshot()).toEqual(before);
  });
});

describe("with an agent of its owner's", () => {
  test('a draft has its events sent to us, and gets back what it had', async () => {
    const agentId = world.account.addAgent({ webhook_url: THEIRS }, false);
    const before = world.snapshot();
    const wiring = wiringOf(await apply({ agentId }));
    expect(versions(agentId)).toHaveLength(1);
    expect(versions(agentId)[0]).toMatchObject({ settings: HOOKED, isPublished: false });
    expect(wiringOf(await apply({ agentId, wiring }))).toEqual(wiring);
    expect(await undo(wiring)).toMatchObject({ kind: 'done' });
    expect(world.snapshot()).toEqual(before);
  });

  test('of a published one a copy is published that differs in its hook only', async () => {
    const agentId = world.account.addAgent({ webhook_url: THEIRS, agent_name: 'Sales' });
    const before = world.snapshot();
    const wiring = wiringOf(await apply({ agentId }));
    const [theirs, ours] = versions(agentId);
    expect(theirs?.settings.webhook_url).toBe(THEIRS);
    expect(ours).toMatchObject({
      isPublished: true,
      settings: { ...theirs?.settings, ...HOOKED },
    });
    expect(wiringOf(await apply({ agentId, wiring }))).toEqual(wiring);
    expect(versions(agentId)).toHaveLength(2);
    expect(await undo(wiring)).toMatchObject({ kind: 'done' });
    expect(world.snapshot()).toEqual(before);
  });

  test('an open draft beside a published version is changed, too, and not published', async () => {
    const agentId = world.account.addAgent({ webhook_url: THEIRS, agent_name: 'Sales' });
    const agent = agentOf(world.account, agentId);
    agent.versions.push({
      version: 1,
      settings: { ...newestOf(agent).settings, agent_name: 'Sales, unfinished', webhook_url: null },
      isPublished: false,
      modifiedAtMs: 0,
      baseVersion: 0,
    });
    const before = world.snapshot();
    const wiring = wiringOf(await apply({ agentId }));
    expect(versions(agentId)).toMatchObject([
      { isPublished: true, settings: { webhook_url: THEIRS } },
      { isPublished: false, settings: { agent_name: 'Sales, unfinished', ...HOOKED } },
      { isPublished: true, settings: { agent_name: 'Sales', ...HOOKED } },
    ]);
    expect(await undo(wiring)).toMatchObject({ kind: 'done' });
    expect(world.snapshot()).toEqual(before);
  });

  test('what its owner has published since on top of ours gets its old hook back', async () => {
    const agentId = world.account.addAgent({ webhook_url: THEIRS });
    const wiring = wiringOf(await apply({ agentId }));
    const agent = agentOf(world.account, agentId);
    agent.versions.push({
      ...newestOf(agent),
      version: 2,
      settings: { ...newestOf(agent).settings, agent_name: 'Newer' },
      baseVersion: 1,
    });
    await undo(wiring);
    expect(newestOf(agent)).toMatchObject({
      isPublished: true,
      settings: { agent_name: 'Newer', webhook_url: THEIRS },
    });
  });

  test('where published versions cannot be deleted, the last one is followed by one as it was found', async () => {
    const agentId = world.account.addAgent({ webhook_url: THEIRS, agent_name: 'Sales' });
    const wiring = wiringOf(await apply({ agentId }));
    world.retell.setRestFaults({ kind: 'answer', status: 402, path: '/delete-agent-version' });
    expect(await undo(wiring)).toMatchObject({ kind: 'done' });
    const last = newestOf(agentOf(world.account, agentId));
    expect(last).toMatchObject({
      version: 2,
      isPublished: true,
      settings: { agent_name: 'Sales', webhook_url: THEIRS },
    });
    expect(last.settings.webhook_events ?? null).toBe(null);
  });

  test('a hook that its owner has changed since is left alone', async () => {
    const agentId = world.account.addAgent({ webhook_url: THEIRS }, false);
    const wiring = wiringOf(await apply({ agentId }));
    const [draft] = versions(agentId);
    if (draft) draft.settings = { ...draft.settings, webhook_url: 'https://newer.example.test/' };
    expect(await undo(wiring)).toMatchObject({ kind: 'done' });
    expect(versions(agentId)[0]?.settings.webhook_url).toBe('https://newer.example.test/');
  });

  test('the agent that was made before it is deleted, and the one that it replaces gets its hook back', async () => {
    const first = wiringOf(await apply());
    const made = onlyAgent().agentId;
    const a = world.account.addAgent({ webhook_url: THEIRS });
    const b = world.account.addAgent();
    const second = wiringOf(await apply({ agentId: a, wiring: first }));
    expect(world.account.agents.has(made)).toBe(false);
    const third = wiringOf(await apply({ agentId: b, wiring: second }));
    expect(newestOf(agentOf(world.account, a)).settings.webhook_url).toBe(THEIRS);
    await undo(third);
    expect(newestOf(agentOf(world.account, b)).settings.webhook_url ?? null).toBe(null);
  });

  test('under another public URL it is still known what was there first', async () => {
    const agentId = world.account.addAgent({ webhook_url: THEIRS });
    const first = wiringOf(await apply({ agentId }));
    provider = world.providerAt(world.retell.origin, 'https://moved.example.test');
    const second = wiringOf(await apply({ agentId, wiring: first }));
    expect(newestOf(agentOf(world.account, agentId)).settings.webhook_url).toContain('//moved.');
    await undo(second);
    expect(newestOf(agentOf(world.account, agentId)).settings.webhook_url).toBe(THEIRS);
  });
});

describe('a number', () => {
  test('of the workspace rings at the agent and asks us first, and is put back', async () => {
    const theirs = world.account.addAgent();
    world.account.addNumber({
      phoneNumber: RETELL_PHONE,
      inboundAgents: [{ agent_id: theirs, weight: 1, agent_version: 0 }],
      inboundWebhookUrl: 'https://theirs.example.test/inbound',
    });
    const before = world.snapshot();
    const wiring = wiringOf(await apply({ phoneNumber: RETELL_PHONE }));
    const made = [...world.account.agents.keys()].find((id) => id !== theirs);
    const bound = [{ agent_id: made, weight: 1, agent_version: 'latest' }];
    expect(number()).toMatchObject({
      inboundAgents: bound,
      outboundAgents: bound,
      inboundWebhookUrl: `${EVENTS_URL}/inbound`,
    });
    expect(wiringOf(await apply({ phoneNumber: RETELL_PHONE, wiring }))).toEqual(wiring);
    expect(await undo(wiring)).toMatchObject({ kind: 'done' });
    expect(world.snapshot()).toEqual(before);
  });

  test('rings at what its owner has published', async () => {
    const agentId = world.account.addAgent();
    world.account.addNumber({ phoneNumber: RETELL_PHONE });
    await apply({ agentId, phoneNumber: RETELL_PHONE });
    expect(number()?.inboundAgents).toEqual([
      { agent_id: agentId, weight: 1, agent_version: 'latest_published' },
    ]);
  });

  test('that is taken from the channel is put back, and so is one that another replaces', async () => {
    world.account.addNumber({ phoneNumber: RETELL_PHONE });
    world.account.addNumber({ phoneNumber: '+14155550101' });
    const before = world.snapshot();
    const first = wiringOf(await apply({ phoneNumber: RETELL_PHONE }));
    const second = wiringOf(await apply({ phoneNumber: '+14155550101', wiring: first }));
    expect(number()?.inboundWebhookUrl ?? null).toBe(null);
    const third = wiringOf(await apply({ wiring: second }));
    await undo(third);
    expect(world.snapshot()).toEqual(before);
  });

  test('what somebody has changed of it since is left alone, the rest put back', async () => {
    const theirs = world.account.addAgent();
    const phone = world.account.addNumber({ phoneNumber: RETELL_PHONE });
    const wiring = wiringOf(await apply({ phoneNumber: RETELL_PHONE }));
    phone.inboundAgents = [{ agent_id: theirs, weight: 1 }];
    await undo(wiring);
    expect(number()).toMatchObject({
      inboundAgents: [{ agent_id: theirs, weight: 1 }],
    });
    expect(number()?.outboundAgents ?? null).toBe(null);
    expect(number()?.inboundWebhookUrl ?? null).toBe(null);
  });

  test('that was bound to an agent which is gone is bound to nobody in the end', async () => {
    const theirs = world.account.addAgent();
    world.account.addNumber({
      phoneNumber: RETELL_PHONE,
      inboundAgents: [{ agent_id: theirs, weight: 1 }],
    });
    const wiring = wiringOf(await apply({ phoneNumber: RETELL_PHONE }));
    world.account.agents.delete(theirs);
    expect(await undo(wiring)).toMatchObject({ kind: 'done' });
    expect(number()?.inboundAgents ?? null).toBe(null);
    expect(world.account.agents.size).toBe(0);
  });
});

describe('a number that Retell does not have', () => {
  const onTrunk = (
    trunk:
      | { readonly domainName?: string; readonly originationUrls?: readonly string[] }
      | undefined = {
      domainName: 'acme.pstn.twilio.com',
      originationUrls: ['sip:sip.retellai.com;transport=tcp'],
    },
  ) => {
    const { accountSid, authToken } = world.carrier.addAccount();
    const { sid } = world.carrier.addTrunk({ accountSid, ...trunk });
    world.carrier.addNumber({ accountSid, phoneNumber: RETELL_PHONE, trunkSid: sid });
    return {
      channel: { phoneNumber: RETELL_PHONE, twilioAccountSid: accountSid },
      secrets: world.secrets({ twilio_auth_token: authToken }),
    };
  };

  test('is imported by its trunk, and taken away again', async () => {
    const before = world.snapshot();
    const { channel, secrets } = onTrunk();
    const applied = await apply(channel, secrets);
    expect(applied).toEqual({ kind: 'done', wiring: expect.anything() });
    expect(number()).toMatchObject({
      type: 'custom',
      terminationUri: 'acme.pstn.twilio.com',
      inboundWebhookUrl: `${EVENTS_URL}/inbound`,
    });
    const wiring = wiringOf(await apply({ ...channel, wiring: wiringOf(applied) }, secrets));
    expect(await undo(wiring, secrets)).toMatchObject({ kind: 'done' });
    expect(world.snapshot()).toEqual(before);
  });

  test('is imported with a warning where its trunk does not lead to Retell', async () => {
    const { channel, secrets } = onTrunk({
      domainName: 'acme.pstn.twilio.com',
      originationUrls: ['sip:pbx.example.test'],
    });
    expect(await apply(channel, secrets)).toMatchObject({
      kind: 'done',
      warning: expect.stringContaining('sip.retellai.com'),
    });
  });

  test.each([
    ['without Twilio', () => ({ channel: { phoneNumber: RETELL_PHONE } }), 'twilio_account_sid'],
    ['without a termination URI', () => onTrunk({}), 'termination URI'],
    [
      'without a trunk',
      () => {
        const { accountSid, authToken } = world.carrier.addAccount();
        world.carrier.addNumber({ accountSid, phoneNumber: RETELL_PHONE });
        return {
          channel: { phoneNumber: RETELL_PHONE, twilioAccountSid: accountSid },
          secrets: world.secrets({ twilio_auth_token: authToken }),
        };
      },
      'no SIP trunk',
    ],
    [
      'that Twilio does not have, either',
      () => {
        const { accountSid, authToken } = world.carrier.addAccount();
        return {
          channel: { phoneNumber: RETELL_PHONE, twilioAccountSid: accountSid },
          secrets: world.secrets({ twilio_auth_token: authToken }),
        };
      },
      'does not have it',
    ],
  ])('%s is refused on phone_number, and nothing is changed', async (_name, given, words) => {
    const { channel, secrets } = { secrets: undefined, ...given() };
    expect(await apply(channel, secrets)).toMatchObject({
      kind: 'refused',
      field: 'phone_number',
      message: expect.stringContaining(words),
    });
    expect(world.changes()).toEqual([]);
  });

  test("another customer's is refused with Retell's reason, and the agent that was made is deleted", async () => {
    const { channel, secrets } = onTrunk();
    world.retell.addAccount().addNumber({ phoneNumber: RETELL_PHONE });
    const before = world.snapshot();
    expect(await apply(channel, secrets)).toMatchObject({
      kind: 'refused',
      field: 'phone_number',
      message: expect.stringContaining('already exists'),
    });
    expect(world.snapshot()).toEqual(before);
  });

  test('is refused on the Twilio token where Twilio does not accept it', async () => {
    const { channel } = onTrunk();
    const secrets = world.secrets({ twilio_auth_token: 'f'.repeat(32) });
    expect(await apply(channel, secrets)).toMatchObject({
      kind: 'refused',
      field: 'twilio_auth_token',
    });
  });
});

describe('Retell says no', () => {
  test('to the key: a 422 on api_key that does not repeat it', async () => {
    const applied = await apply({}, { api_key: 'key_hunter2' });
    expect(applied).toMatchObject({ kind: 'refused', field: 'api_key' });
    expect(JSON.stringify(applied)).not.toContain('hunter2');
  });

  test('to the agent: a 422 on agent_id with its reason', async () => {
    expect(await apply({ agentId: 'agent_nobody' })).toMatchObject({
      kind: 'refused',
      field: 'agent_id',
      message: expect.stringContaining('agent_nobody'),
    });
  });

  test('because the trial has ended: its words, and nothing is left behind', async () => {
    world.retell.setRestFaults({ kind: 'answer', status: 422, path: '/create-agent' });
    expect(await apply()).toMatchObject({ kind: 'refused', field: 'api_key' });
    world.retell.setRestFaults({ kind: 'answer', status: 402, path: '/create-agent' });
    expect(await apply()).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('Trial has ended'),
    });
    expect(world.account.agents.size).toBe(0);
  });

  test.each([429, 500] as const)('for now (%d): it is tried again later', async (status) => {
    world.retell.setRestFaults({ kind: 'answer', status });
    expect(await apply()).toMatchObject({ kind: 'unreachable' });
  });

  test('nothing at all', async () => {
    provider = world.providerAt('http://127.0.0.1:9');
    expect(await apply()).toEqual({ kind: 'unreachable', message: 'Retell cannot be reached.' });
  });
});

describe('an undo', () => {
  test('of what Retell no longer knows is done', async () => {
    const agentId = world.account.addAgent();
    world.account.addNumber({ phoneNumber: RETELL_PHONE });
    const wiring = wiringOf(await apply({ agentId, phoneNumber: RETELL_PHONE }));
    world.account.agents.clear();
    world.account.numbers.clear();
    expect(await undo(wiring)).toMatchObject({ kind: 'done' });
  });

  test('with a key that Retell no longer accepts is final', async () => {
    const wiring = wiringOf(await apply());
    expect(await undo(wiring, { api_key: 'key_revoked' })).toMatchObject({ kind: 'refused' });
  });

  test('while Retell is away is to be done again', async () => {
    const wiring = wiringOf(await apply());
    world.retell.setRestFaults({ kind: 'reset' });
    expect(await undo(wiring)).toMatchObject({ kind: 'unreachable' });
  });

  test('is handed over to a new channel as far as that uses the same, and left for the rest', async () => {
    const a = world.account.addAgent({ webhook_url: THEIRS });
    const b = world.account.addAgent();
    world.account.addNumber({ phoneNumber: RETELL_PHONE, nickname: 'front' });
    const first = wiringOf(await apply({ agentId: a, phoneNumber: RETELL_PHONE }));
    const undone = provider.undoPayload(world.channel({ wiring: first }), world.secrets()) ?? {};

    const same = wiringOf(await apply({ agentId: a }));
    expect(same).toMatchObject({ agents: [{ wasOurs: true, before: { webhook_url: null } }] });
    expect(provider.handOver?.(undone, same)).toMatchObject({
      left: { agents: [], numbers: [{ phoneNumber: RETELL_PHONE }] },
      wiring: { agents: [{ wasOurs: false, before: { webhook_url: THEIRS }, published: [1] }] },
    });

    const other = wiringOf(await apply({ agentId: b, phoneNumber: RETELL_PHONE }));
    expect(provider.handOver?.(undone, other)).toMatchObject({
      left: { agents: [{ agentId: a }], numbers: [] },
    });
    expect(provider.handOver?.(undone, first).left).toBeUndefined();
    expect(provider.handOver?.(undone, {})).toEqual({ left: undone, wiring: {} });
  });

  test('is not needed where nothing was done, and cannot be misread', async () => {
    expect(provider.undoPayload(world.channel(), world.secrets())).toBeUndefined();
    expect(await provider.undo({ something: 'else' })).toMatchObject({ kind: 'done' });
  });

  test('has the key with it, which the wiring has not', async () => {
    const wiring = wiringOf(await apply());
    expect(JSON.stringify(wiring)).not.toContain(world.account.apiKey);
    expect(JSON.stringify(wiring)).not.toContain(llmSecret(world.account.apiKey, RETELL_INSTANCE));
    const payload = provider.undoPayload(world.channel({ wiring }), world.secrets());
    expect(payload).toMatchObject({ apiKey: world.account.apiKey });
  });
});
