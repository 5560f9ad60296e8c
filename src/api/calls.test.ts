import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

/** An instance of a new tenant, and requests as that tenant. */
async function instance() {
  const { tenantId, key } = await api.tenant();
  const request = api.as(key);
  const created = await request('POST', '/v1/instances', { name: 'agent' });
  const id = String(Object(created.body).id);
  const url = `/v1/instances/${id}/channels/voice`;
  return { id, tenantId, url, request, get: () => request('GET', url) };
}

describe('live calls', () => {
  const call = async (tenantId: string, instanceId: string): Promise<string> => {
    const id = crypto.randomUUID();
    await api.store.calls.begin({
      id,
      tenantId,
      instanceId,
      provider: 'pipecat',
      carrierCallId: `CA${id}`,
      callerPhone: '+14155550199',
      calledPhone: '+14155550101',
      nodeId: 'node',
      startedAt: new Date(api.clock.now()),
    });
    return id;
  };

  test('are listed with what this node knows better than the store', async () => {
    const { id, tenantId, url, request, get } = await instance();
    const here = await call(tenantId, id);
    const elsewhere = await call(tenantId, id);
    api.live.calls.set(id, [{ callId: here, state: 'speaking', turnCount: 3 }]);
    await api.clock.advance(61_500);
    const { body } = await request('GET', `${url}/calls`);
    expect(body).toHaveLength(2);
    expect(body).toContainEqual({
      call_id: here,
      caller_phone: '+14155550199',
      duration_seconds: 61,
      state: 'speaking',
      transcript_turns: 3,
    });
    expect(body).toContainEqual(
      expect.objectContaining({ call_id: elsewhere, state: 'ringing', transcript_turns: 0 }),
    );
    expect(await get()).toMatchObject({ body: { active_calls: 2 } });
  });

  test('can be read, and hung up where they live', async () => {
    const { id, tenantId, request } = await instance();
    const callId = await call(tenantId, id);
    expect(await request('POST', `/v1/calls/${callId}/hangup`)).toMatchObject({
      status: 409,
      body: { detail: 'The call is not carried by this node.' },
    });
    api.live.calls.set(id, [{ callId, state: 'listening', turnCount: 0 }]);
    expect(await request('GET', `/v1/calls/${callId}`)).toMatchObject({
      status: 200,
      body: { call_id: callId, instance_id: id, state: 'listening', turns: [] },
    });
    expect(await request('POST', `/v1/calls/${callId}/hangup`)).toMatchObject({ status: 202 });
    expect(api.live.ended).toContain(callId);
    await api.store.calls.end(tenantId, callId, {
      reason: 'api_hangup',
      detail: null,
      at: new Date(api.clock.now()),
    });
    expect(await request('POST', `/v1/calls/${callId}/hangup`)).toMatchObject({
      status: 409,
      body: { detail: 'The call has ended already.' },
    });
  });

  test('have a journal, as it was written', async () => {
    const { id, tenantId, request } = await instance();
    const callId = await call(tenantId, id);
    expect(await request('GET', `/v1/calls/${callId}/journal`)).toMatchObject({
      status: 200,
      body: { call_id: callId, entries: [] },
    });
    const entries = [
      { atMs: 0, type: 'answered' },
      { atMs: 0, did: ['set-timer idle +10000'] },
    ];
    await api.store.calls.record(tenantId, callId, { turns: [], journal: entries });
    expect((await request('GET', `/v1/calls/${callId}/journal`)).body).toEqual({
      call_id: callId,
      entries,
    });
  });

  test('are spoken in where they are led', async () => {
    const { id, tenantId, request } = await instance();
    const callId = await call(tenantId, id);
    const say = (body: unknown) => request('POST', `/v1/calls/${callId}/say`, body);
    const text = 'The kitchen closes in ten minutes.';
    expect(await say({ text })).toMatchObject({
      status: 409,
      body: { detail: 'The call is not led by this node.' },
    });
    api.live.calls.set(id, [{ callId, state: 'listening', turnCount: 0 }]);
    expect(await say({ text: ` ${text} ` })).toMatchObject({
      status: 202,
      body: { call_id: callId },
    });
    expect(api.live.said).toContainEqual({ callId, text });
    for (const wrong of [{}, { text: '  ' }, { text: 'x'.repeat(1_001) }, { text, loud: true }])
      expect(await say(wrong)).toMatchObject({ status: 422 });
  });

  test('of another tenant do not exist', async () => {
    const { id, tenantId } = await instance();
    const stranger = api.as((await api.tenant()).key);
    const callId = await call(tenantId, id);
    for (const [method, path] of [
      ['GET', `/v1/calls/${callId}`],
      ['GET', `/v1/calls/${callId}/journal`],
      ['POST', `/v1/calls/${callId}/hangup`],
      ['POST', `/v1/calls/${callId}/say`],
      ['DELETE', `/v1/calls/${callId}`],
    ] as const)
      expect(
        await stranger(method, path, path.endsWith('say') ? { text: 'Hi.' } : undefined),
      ).toMatchObject({
        status: 404,
        body: { detail: 'Call not found' },
      });
  });
});
