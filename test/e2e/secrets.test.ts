import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { newToken } from '#lib/ids.ts';
import { createdInstanceSchema } from '#protocol/instances.ts';
import { secretFields } from '#protocol/voice-channel.ts';
import type { SecretField } from '#protocol/voice-channel.ts';
import { ownerAt } from '#sandbox/demo/owner.ts';
import type { Agent } from './support/agents.ts';
import { dumpDatabase, filesBelow } from './support/dump.ts';
import { faultyVendors } from './support/faulty-vendors.ts';
import type { FaultyVendors } from './support/faulty-vendors.ts';
import { openSandbox, openWorld } from './support/world.ts';
import type { World } from './support/world.ts';

const LIMIT_MS = 150_000;
const NAME = 'Wilhelmina';
const GREETING = 'Good morning, how can I help you?';

const opened = new AsyncDisposableStack();
let world: World;
let vendors: FaultyVendors;
beforeAll(async () => {
  const sandbox = opened.adopt(await openSandbox(), (one) => one.close());
  vendors = opened.use(await faultyVendors(sandbox));
  const env = { ...vendors.env, LOG_LEVEL: 'trace', LOG_PII: 'true' };
  world = opened.use(await openWorld({ sandbox, env }));
});
afterAll(() => opened.disposeAsync());

/** Everything that must stay secret, by what it is. */
const secrets = new Map<string, string>();
const canary = (what: string, prefix = ''): string => {
  const secret = prefix + newToken(24);
  secrets.set(what, secret);
  return secret;
};
/** What the API has answered, by what it was asked. */
const answers = new Map<string, string>();

const voice = {
  stt: ['deepgram'],
  llm: ['openai'],
  tts: ['cartesia'],
  idle: { prompt_after_ms: 60_000 },
};

test(
  'no secret that was given or issued is found in a log, an answer, an event or the database',
  async () => {
    const { sandbox, owner } = world;
    const fields = Object.fromEntries(
      secretFields.map((field) => [field, canary(field, 'sk-canary-')]),
    ) satisfies Partial<Record<SecretField, string>>;
    // What the vendors' simulators accept is as secret as what they do not.
    for (const [name, key] of Object.entries(sandbox.keys)) {
      fields[`${name}_api_key`] = key;
      secrets.set(`${name}_api_key`, key);
    }
    const { twilio_auth_token: _own, ...setup } = fields;
    const agent = await world.addAgent({
      config: { greeting: GREETING, voice },
      setup: { ...setup, agent_id: 'agent_123' },
    });
    secrets.set('the account’s own token', agent.account.authToken);
    secrets.set(
      'basic credentials',
      Buffer.from(`${agent.account.accountSid}:${agent.account.authToken}`).toString('base64'),
    );
    secrets.set('the API key', world.apiKey);
    secrets.set('the JWT secret', world.secrets.jwtSecret);
    secrets.set('the master key', world.secrets.masterKey);
    secrets.set(
      'the master key, in hex',
      Buffer.from(world.secrets.masterKey, 'base64').toString('hex'),
    );
    const other = await owner.ask('POST', '/v1/instances', { name: 'Another' });
    secrets.set('an internal key', createdInstanceSchema.parse(other).internal_key);

    const events = (await Promise.all([talk(agent), ...revokedKeys()])).join('\n');
    answers.set('the event stream', events);
    expect(events).toContain('vendor-failed');
    await provokeErrors(agent);
    await readEverything(agent, events);

    await world.server.stop();
    await world.restart({ LOG_PII: 'false' });
    const from = world.log.length;
    await talk(agent);
    const withoutPii = world.log.slice(from).join('\n');
    await world.server.stop();

    for (const { direction, ...request } of sandbox.carrier.requests)
      if (direction === 'sent' && 'body' in request) {
        const token = /name="token" value="([^"]+)"/.exec(request.body)?.[1];
        if (token !== undefined) secrets.set(`media token ${secrets.size}`, token);
      }
    expect([...secrets.keys()].filter((what) => what.startsWith('media token')).length).toBe(5);

    const tables = await dumpDatabase(world.dataDir);
    // The search is worth nothing unless what is not secret is found by it.
    expect(tables['hydracore.turns']).toContain(NAME);
    expect(tables['hydracore.journals']).toContain(NAME);
    expect(answers.get(`GET ${agent.path}`)).toContain(agent.phoneNumber);
    expect(world.log.join('\n')).toContain(agent.instanceId);
    const places: readonly (readonly [string, string | Buffer])[] = [
      ['the log', world.log.join('\n')],
      ...answers,
      ...Object.entries(tables),
      ...filesBelow(world.dataDir),
    ];
    const found = places.flatMap(([place, content]) =>
      [...secrets].flatMap(([what, secret]) =>
        content.includes(secret) ? [`${what} in ${place}`] : [],
      ),
    );
    expect(found).toEqual([]);
    expect(withoutPii).not.toContain(NAME);
  },
  LIMIT_MS,
);

/** A call to its end; answers its events. */
async function talk(agent: Agent): Promise<string> {
  const phone = await agent.dial([
    { waitForAgent: 'to-finish' },
    { say: `I am ${NAME}. Goodbye.` },
    { expectHangUp: true },
  ]);
  const call = await phone.record();
  expect(call.end_reason).toBe('agent_hangup');
  return JSON.stringify(phone.events);
}

/** Calls that fail because a vendor does not know the key any more. */
function revokedKeys(): Promise<string>[] {
  return (['deepgram', 'openai', 'cartesia'] as const).map(async (vendor) => {
    const { apiKey, faults } = await vendors.add(vendor);
    secrets.set(`a revoked key of ${vendor}`, apiKey);
    const agent = await world.addAgent({
      config: { greeting: GREETING, voice },
      setup: { [`${vendor}_api_key`]: apiKey },
    });
    await faults.set({ kind: 'refuse' });
    const phone = await agent.dial([
      { waitForAgent: 'to-finish' },
      { say: `I am ${NAME}. Goodbye.` },
      { expectHangUp: true },
    ]);
    const call = await phone.record();
    expect(call.end_reason).toBe('vendor_failure');
    return JSON.stringify([phone.events, call]);
  });
}

/** Secrets in every wrong place. */
async function provokeErrors(agent: Agent): Promise<void> {
  const { origin } = world.server;
  const wrong = async (
    what: string,
    expected: number,
    path: string,
    request: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {},
  ): Promise<void> => {
    const response = await fetch(origin + path, {
      ...request,
      headers: { 'x-api-key': world.apiKey, ...request.headers },
    });
    answers.set(what, await response.text());
    expect([what, response.status]).toEqual([what, expected]);
  };
  const post = (body: string) => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  const json = (body: object) => post(JSON.stringify(body));
  const secret = (): string => canary(`misplaced ${secrets.size}`, 'sk-misplaced-');

  await wrong('no JSON', 422, agent.path, post(`{"openai_api_key": "${secret()}"`));
  await wrong('a wrong type', 422, agent.path, json({ openai_api_key: [secret()] }));
  await wrong('an unknown field', 422, agent.path, json({ openai_apikey: secret() }));
  await wrong('a key as a field', 422, agent.path, json({ [secret()]: 'x' }));
  await wrong('a key as a number', 422, agent.path, json({ phone_number: secret() }));
  await wrong('a key as provider', 422, agent.path, json({ provider: secret() }));
  await wrong(
    'a key with a line break',
    422,
    agent.path,
    json({ api_key: `${secret()}\n${secret()}` }),
  );
  await wrong('a wrong token', 422, agent.path, json({ twilio_auth_token: secret() }));
  await wrong('a wrong key', 422, agent.path, json({ openai_api_key: secret() }));
  await wrong('a key as an id', 422, `/v1/instances/${secret()}/channels/voice`);
  await wrong('a key in no path', 404, `/${secret()}`);
  await wrong('a key in the query', 200, `${agent.path}?api_key=${secret()}`);
  await wrong('an unknown API key', 401, agent.path, {
    headers: { 'x-api-key': canary('an unknown API key', 'hc_live_') },
  });
  await wrong('an unknown bearer', 401, agent.path, {
    headers: { 'x-api-key': '', authorization: `Bearer ${secret()}` },
  });
  await wrong('a forged signature', 403, `/hooks/voice/${agent.instanceId}/twiml?key=${secret()}`, {
    method: 'POST',
    headers: { 'x-twilio-signature': secret() },
    body: new URLSearchParams({ CallSid: secret(), Digits: secret() }),
  });
}

/** Every GET there is, as its description lists them. */
async function readEverything(agent: Agent, events: string): Promise<void> {
  const callId = /"call_id":"([0-9a-f-]{36})"/.exec(events)?.[1] ?? '';
  const reader = ownerAt(() => world.server.origin, { 'x-api-key': world.apiKey });
  const description = await reader.request('GET', '/openapi.json');
  answers.set('GET /openapi.json', description.text);
  const { paths } = z
    .object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })
    .parse(description.body);
  const gets = Object.entries(paths).flatMap(([path, methods]) =>
    'get' in methods && !path.endsWith('/events') ? [path] : [],
  );
  expect(gets.length).toBeGreaterThan(8);
  for (const template of [...gets, '/docs', '/docs/json']) {
    const path = template
      .replace('{instance_id}', agent.instanceId)
      .replace('{call_id}', callId)
      .replace(/\{[^}]+\}/, callId);
    answers.set(`GET ${path}`, (await reader.request('GET', path)).text);
  }
}
