import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openTestApi } from '#test/support/api.ts';
import type { TestApi } from '#test/support/api.ts';
import { openTestStore } from '#test/support/store.ts';
import type { Store } from '#store/store.ts';

let store: Store;
let api: TestApi;
beforeAll(async () => {
  store = await openTestStore();
  api = await openTestApi(store);
});
afterAll(async () => {
  await api.app.close();
  await store.close();
});

const KEY = 'key-of-the-restaurant-1';
const TOKEN = 'token-of-the-book-1';
const agentConfig = {
  tools: [
    {
      name: 'find_table',
      url: 'https://tools.example.com/tables',
      headers: { 'X-Api-Key': KEY },
    },
  ],
  mcp_servers: [{ name: 'book', url: 'https://book.example.com/mcp', bearer_token: TOKEN }],
  transfer_numbers: [{ name: 'sales', number: '+14155550123' }],
};

/** An agent with tools, and how to speak of it. */
async function newAgent() {
  const { key, tenantId } = await api.tenant();
  const request = api.as(key);
  const made = await request('POST', '/v1/instances', { name: 'desk', agent_config: agentConfig });
  const id = z.object({ id: z.string() }).parse(made.body).id;
  const url = `/v1/instances/${id}`;
  return {
    made,
    url,
    request,
    patch: (agent_config: object) => request('PATCH', url, { agent_config }),
    secrets: () => store.instances.agentSecrets(tenantId, id),
  };
}

const detailSchema = z.object({
  detail: z.array(z.object({ loc: z.array(z.unknown()), msg: z.string() })),
});
/** Where a request was wrong, and why. */
const faultsOf = (answer: { readonly body: unknown }): readonly string[] =>
  detailSchema
    .parse(answer.body)
    .detail.map(({ loc, msg }) => `${loc.slice(2).join('.')}: ${msg.replace('Value error, ', '')}`);

describe('the tools of an agent', () => {
  test('come back as they were given, but for their secrets, which stand nowhere', async () => {
    const { made, url, request, patch } = await newAgent();
    expect(made).toMatchObject({
      status: 201,
      body: {
        agent_config: {
          tools: [
            {
              name: 'find_table',
              method: 'POST',
              timeout_ms: 8_000,
              cancel_on_interruption: true,
              parameters: { type: 'object', properties: {} },
              headers: { 'X-Api-Key': { set: true } },
            },
          ],
          mcp_servers: [{ name: 'book', bearer_token: { set: true } }],
          transfer_numbers: [{ name: 'sales', number: '+14155550123', description: '' }],
        },
      },
    });
    const answers = [
      made,
      await request('GET', url),
      await request('GET', '/v1/instances'),
      await patch({ greeting: 'Hi.' }),
    ];
    const everything = answers.map(({ text }) => text).join('\n') + api.lines.join('\n');
    expect(everything).not.toContain(KEY);
    expect(everything).not.toContain(TOKEN);
  });

  test('keep their secrets through a change that repeats what was answered', async () => {
    const { made, patch, secrets } = await newAgent();
    const { agent_config: answered } = z
      .object({ agent_config: z.record(z.string(), z.unknown()) })
      .parse(made.body);
    expect(await patch(answered)).toMatchObject({ status: 200 });
    expect(Object.values(await secrets()).toSorted()).toEqual([KEY, TOKEN]);
    expect(Object.keys(await secrets()).toSorted()).toEqual([
      'mcp book https://book.example.com bearer_token',
      'tool find_table https://tools.example.com x-api-key',
    ]);
  });

  test('lose them with what they were for', async () => {
    const { patch, secrets, request, url } = await newAgent();
    await patch({ tools: null });
    expect(Object.values(await secrets())).toEqual([TOKEN]);
    await request('DELETE', url);
    expect(await secrets()).toEqual({});
  });

  test('never send a stored secret to another place', async () => {
    const { patch, secrets } = await newAgent();
    const [tool] = agentConfig.tools;
    const kept = { headers: { 'X-Api-Key': { set: true } } };
    const moved = await patch({ tools: [{ ...tool, url: 'https://thief.example.com/', ...kept }] });
    expect(moved.status).toBe(422);
    expect(faultsOf(moved)).toEqual([
      'tools.0.headers.X-Api-Key: no secret is stored here for this URL: give its text',
    ]);
    expect(Object.values(await secrets()).toSorted()).toEqual([KEY, TOKEN]);
    // The same place under another path is the same place.
    const path = await patch({
      tools: [{ ...tool, url: 'https://tools.example.com/v2', ...kept }],
    });
    expect(path.status).toBe(200);
  });

  const tool = { name: 'look_up', url: 'https://tools.example.com/' };
  test.each([
    [{ tools: [{ ...tool, name: 'end_call' }] }, 'tools.0.name'],
    [{ tools: [{ ...tool, name: 'look up' }] }, 'tools.0.name'],
    [{ tools: [tool, { ...tool, name: 'LOOK_UP' }] }, 'tools'],
    [{ tools: [{ ...tool, url: 'ftp://tools.example.com/' }] }, 'tools.0.url'],
    [{ tools: [{ ...tool, url: 'https://user:pass@tools.example.com/' }] }, 'tools.0.url'],
    [{ tools: [{ ...tool, url: 'http://tools.example.com/' }] }, 'tools.0.url'],
    [{ tools: [{ ...tool, url: 'https://10.0.0.1/' }] }, 'tools.0.url'],
    [{ tools: [{ ...tool, url: 'https://[::1]/' }] }, 'tools.0.url'],
    [{ tools: [{ ...tool, url: 'https://LOCALHOST/' }] }, 'tools.0.url'],
    [{ tools: [{ ...tool, parameters: { type: 'string' } }] }, 'tools.0.parameters'],
    [{ tools: [{ ...tool, parameters: { type: 'object', properties: 7 } }] }, 'tools.0.parameters'],
    [
      { tools: [{ ...tool, parameters: { type: 'object', x: 'x'.repeat(9_000) } }] },
      'tools.0.parameters',
    ],
    [{ tools: [{ ...tool, headers: { Host: 'other' } }] }, 'tools.0.headers.Host'],
    [{ tools: [{ ...tool, headers: { 'X-A': 'a\r\nX-B: b' } }] }, 'tools.0.headers.(unknown key)'],
    [{ tools: [{ ...tool, headers: { 'x-a': 'a', 'X-A': 'b' } }] }, 'tools.0.headers'],
    [{ tools: [{ ...tool, headers: { 'X-A': { set: true } } }] }, 'tools.0.headers.X-A'],
    [{ tools: [{ ...tool, timeout_ms: 60_000 }] }, 'tools.0.timeout_ms'],
    [{ tools: [{ ...tool, colour: 'blue' }] }, 'tools.0.colour'],
    [{ transfer_numbers: [{ name: 'sales', number: '0301234' }] }, 'transfer_numbers.0.number'],
    [{ mcp_servers: [{ name: 'book', url: 'https://169.254.169.254/mcp' }] }, 'mcp_servers.0.url'],
    [{ mcp_servers: [{ name: 'a b', url: 'https://book.example.com/' }] }, 'mcp_servers.0.name'],
  ])('are refused on their field: %j', async (wrong, field) => {
    const request = api.as((await api.tenant()).key);
    const answer = await request('POST', '/v1/instances', { name: 'a', agent_config: wrong });
    expect(answer.status).toBe(422);
    const at = faultsOf(answer).map((fault) => fault.slice(0, fault.indexOf(':')));
    expect(at).toEqual([field]);
  });

  test('may be at private addresses where the server is told so', async () => {
    const open = await openTestApi(store, { toolAllowPrivate: true });
    const request = open.as((await open.tenant()).key);
    const answer = await request('POST', '/v1/instances', {
      name: 'a',
      agent_config: { tools: [{ ...tool, url: 'http://127.0.0.1:9/' }] },
    });
    expect(answer.status).toBe(201);
    await open.app.close();
  });
});
