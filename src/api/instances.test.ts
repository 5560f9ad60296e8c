import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openTestApi } from '#test/support/api.ts';
import type { TestApi } from '#test/support/api.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import { incompleteProvider } from '#test/support/carrier-world.ts';
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

const faultSchema = z.object({ loc: z.array(z.unknown()), type: z.string() });

describe('instances', () => {
  test('are made with defaults, changed in part, and deleted with their channel', async () => {
    const { key } = await api.tenant();
    const request = api.as(key);
    const made = await request('POST', '/v1/instances', {
      name: ' Front desk ',
      agent_config: { greeting: 'Hi', voice: { vendors: { openai: { voice: 'ash' } } } },
    });
    expect(made).toMatchObject({
      status: 201,
      body: { name: 'Front desk', agent_config: { greeting: 'Hi', language: 'en' } },
    });
    const url = `/v1/instances/${String(Object(made.body).id)}`;
    const changed = await request('PATCH', url, {
      agent_config: {
        greeting: null,
        voice: { max_call_seconds: 600, vendors: { openai: { llm_model: 'gpt' } } },
      },
    });
    expect(changed).toMatchObject({
      status: 200,
      body: {
        name: 'Front desk',
        agent_config: {
          greeting: 'Hello! How can I help you?',
          voice: {
            max_call_seconds: 600,
            vendors: { openai: { voice: 'ash', llm_model: 'gpt' } },
          },
        },
      },
    });
    expect((await request('GET', url)).body).toEqual(changed.body);
    expect(await request('GET', '/v1/instances')).toMatchObject({ body: { count: 1 } });
    await request('POST', `${url}/channels/voice`, { api_key: 'x' });
    expect(await request('DELETE', url)).toMatchObject({ status: 204 });
    expect(await request('GET', url)).toMatchObject({ status: 404 });
    expect(await request('DELETE', url)).toMatchObject({ status: 404 });
  });

  test('that are changed are followed by a provider that depends on them, and by no other', async () => {
    const { tenantId, key } = await api.tenant();
    const following = await openTestApi(store, {
      providers: {
        pipecat: api.world.provider,
        retell: { ...incompleteProvider, followsAgent: true },
      },
    });
    const { id } = await store.instances.create(tenantId, {
      name: 'agent',
      agentConfig: agentConfigSchema.parse({}),
    });
    const due = async () => {
      const jobs = await store.wiringJobs.claimDue(new Date(following.clock.now()), 1, 100);
      return jobs.filter((job) => job.instanceId === id).map((job) => job.kind);
    };
    const rename = () => following.as(key)('PATCH', `/v1/instances/${id}`, { name: 'renamed' });

    await rename();
    await store.channels.upsert(tenantId, id, { provider: 'pipecat' });
    await rename();
    expect(await due()).toEqual([]);
    await store.channels.upsert(tenantId, id, { provider: 'retell' });
    await rename();
    expect(await due()).toEqual(['apply']);
    await following.app.close();
  });

  test('refuse a wrong agent_config on its field, whole or in part', async () => {
    const request = api.as((await api.tenant()).key);
    const made = await request('POST', '/v1/instances', { name: 'agent' });
    const url = `/v1/instances/${String(Object(made.body).id)}`;
    const agent_config = { voice: { max_call_seconds: 1.5, endpointing: { silence_ms: 1 }, x: 1 } };
    const at = ['body', 'agent_config', 'voice'];
    const faults = [
      `${[...at, 'endpointing', 'silence_ms'].join('.')} greater_than_equal`,
      `${[...at, 'max_call_seconds'].join('.')} int_from_float`,
      `${[...at, 'x'].join('.')} extra_forbidden`,
    ];
    for (const answer of [
      await request('POST', '/v1/instances', { name: 'a', agent_config }),
      await request('PATCH', url, { agent_config }),
    ]) {
      expect(answer.status).toBe(422);
      const { detail: got } = z.object({ detail: z.array(faultSchema) }).parse(answer.body);
      expect(new Set(got.map(({ loc, type }) => `${loc.join('.')} ${type}`))).toEqual(
        new Set(faults),
      );
    }
  });
});
