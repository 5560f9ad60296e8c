import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callPageSchema } from '#protocol/calls.ts';
import type { CallPage } from '#protocol/calls.ts';
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

const BEGAN_MS = Date.UTC(2026, 10, 20, 8);

async function instance() {
  const { tenantId, key } = await api.tenant();
  const request = api.as(key);
  const id = String(Object((await request('POST', '/v1/instances', { name: 'agent' })).body).id);
  const begin = async (
    afterMs: number,
    provider: 'pipecat' | 'retell' = 'pipecat',
  ): Promise<string> => {
    const callId = crypto.randomUUID();
    await store.calls.begin({
      id: callId,
      tenantId,
      instanceId: id,
      provider,
      carrierCallId: `CA${callId}`,
      callerPhone: '+14155550199',
      calledPhone: '+14155550101',
      nodeId: 'node',
      startedAt: new Date(BEGAN_MS + afterMs),
    });
    return callId;
  };
  const end = (callId: string, reason: 'caller_hangup' | 'silence' = 'caller_hangup') =>
    store.calls.end(tenantId, callId, {
      reason,
      detail: null,
      at: new Date(BEGAN_MS + 3_600_000),
    });
  const list = async (query = ''): Promise<CallPage> => {
    const { status, body } = await request('GET', `/v1/instances/${id}/calls${query}`);
    expect(status).toBe(200);
    return callPageSchema.parse(body);
  };
  const idsOf = async (query: string): Promise<readonly string[]> =>
    (await list(query)).calls.map(({ call_id }) => call_id);
  return { id, tenantId, request, begin, end, list, idsOf };
}

describe('the calls of an agent', () => {
  test('are listed newest first, with what is known of each', async () => {
    const { id, tenantId, begin, end, list } = await instance();
    const old = await begin(0);
    const live = await begin(60_000);
    await store.calls.record(tenantId, old, {
      turns: [
        {
          index: 0,
          role: 'agent',
          text: 'Hello.',
          heard: 'Hello.',
          interrupted: false,
          start_ms: 0,
          end_ms: 400,
          waterfall_ms: {},
        },
      ],
      journal: [],
    });
    await end(old, 'silence');
    api.live.calls.set(id, [{ callId: live, state: 'thinking', turnCount: 0 }]);
    const { calls, next_cursor } = await list();
    expect(next_cursor).toBeNull();
    expect(calls).toMatchObject([
      { call_id: live, state: 'thinking', ended_at: null, end_reason: null, turn_count: 0 },
      {
        call_id: old,
        state: 'ended',
        end_reason: 'silence',
        turn_count: 1,
        duration_seconds: 3_600,
      },
    ]);
    expect(calls[1]).not.toHaveProperty('turns');
  });

  test('come a page at a time, each once, whatever begins meanwhile', async () => {
    const { begin, list } = await instance();
    const all: string[] = [];
    // Two that began at the same moment lie on both sides of a page's end.
    for (const afterMs of [0, 1_000, 2_000, 2_000, 3_000, 4_000, 5_000])
      all.push(await begin(afterMs));
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: CallPage = await list(`?limit=3${cursor ? `&cursor=${cursor}` : ''}`);
      expect(page.calls.length).toBeLessThanOrEqual(3);
      seen.push(...page.calls.map(({ call_id }) => call_id));
      cursor = page.next_cursor;
      await begin(9_000);
    } while (cursor);
    expect(seen).toHaveLength(all.length);
    expect(new Set(seen)).toEqual(new Set(all));
  });

  test('are found by time, state, reason and provider', async () => {
    const { begin, end, idsOf } = await instance();
    const first = await begin(0);
    const second = await begin(60_000, 'retell');
    const third = await begin(120_000);
    await end(first, 'silence');
    await end(third);
    const time = (afterMs: number): string =>
      encodeURIComponent(new Date(BEGAN_MS + afterMs).toISOString());
    expect(await idsOf('?state=live')).toEqual([second]);
    expect(await idsOf('?state=ended')).toEqual([third, first]);
    expect(await idsOf('?end_reason=silence')).toEqual([first]);
    expect(await idsOf('?provider=retell')).toEqual([second]);
    expect(await idsOf(`?started_after=${time(60_000)}`)).toEqual([third, second]);
    expect(await idsOf(`?started_before=${time(60_000)}`)).toEqual([first]);
    expect(await idsOf(`?started_after=${time(0)}&started_before=${time(1)}&state=ended`)).toEqual([
      first,
    ]);
    expect(await idsOf('?provider=retell&state=ended')).toEqual([]);
  });

  test('are refused with the field that is wrong', async () => {
    const { id, request } = await instance();
    for (const [query, field] of [
      ['cursor=nonsense', 'cursor'],
      ['limit=0', 'limit'],
      ['limit=201', 'limit'],
      ['state=asleep', 'state'],
      ['end_reason=boredom', 'end_reason'],
      ['provider=twilio', 'provider'],
      ['started_after=yesterday', 'started_after'],
      ['started_before=2026-11-20T08:00:00', 'started_before'],
      ['colour=blue', 'colour'],
    ] as const)
      expect(await request('GET', `/v1/instances/${id}/calls?${query}`)).toMatchObject({
        status: 422,
        body: { detail: [expect.objectContaining({ loc: ['query', field] })] },
      });
  });

  test('of another tenant do not exist', async () => {
    const { id } = await instance();
    const stranger = api.as((await api.tenant()).key);
    expect(await stranger('GET', `/v1/instances/${id}/calls`)).toMatchObject({
      status: 404,
      body: { detail: 'Instance not found' },
    });
  });
});

describe('erasing a call', () => {
  test('takes it away with its turns and journal, once it is over', async () => {
    const { tenantId, request, begin, end, idsOf } = await instance();
    const callId = await begin(0);
    const stays = await begin(1_000);
    await store.calls.record(tenantId, callId, {
      turns: [],
      journal: [{ atMs: 0, type: 'answered' }],
    });
    expect(await request('DELETE', `/v1/calls/${callId}`)).toMatchObject({
      status: 409,
      body: { detail: 'The call is still going on; hang up first.' },
    });
    await end(callId);
    expect(await request('DELETE', `/v1/calls/${callId}`)).toMatchObject({ status: 204 });
    expect(await request('GET', `/v1/calls/${callId}`)).toMatchObject({ status: 404 });
    expect(await store.calls.journal(tenantId, callId)).toEqual([]);
    expect(await request('DELETE', `/v1/calls/${callId}`)).toMatchObject({ status: 404 });
    expect(await idsOf('')).toEqual([stays]);
  });
});
