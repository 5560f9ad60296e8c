import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ALL_SCOPES, openTestApi } from '#test/support/api.ts';
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

/** The status of `GET /v1/instances` with these headers. */
const ask = async (headers: Record<string, string>) => {
  const answer = await api.app.inject({ method: 'GET', url: '/v1/instances', headers });
  return { status: answer.statusCode };
};
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

describe('API keys', () => {
  const asPerson = async (claims: object) => {
    const token = await api.token({ tenant_id: crypto.randomUUID(), ...claims });
    return (method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) =>
      api.app.inject({ method, url, headers: bearer(token), ...(payload && { payload }) });
  };

  test('are made, listed without the key, and revoked for good', async () => {
    const request = await asPerson({});
    const made = await request('POST', '/v1/settings/api-keys');
    expect(made.statusCode).toBe(201);
    const { plaintext_key: key, ...row } = made.json<{ plaintext_key: string; id: string }>();
    expect(row).toMatchObject({ name: 'Default', key_type: 'live', scopes: ALL_SCOPES });
    expect(key).toMatch(/^hc_live_/);
    expect(await ask({ 'x-api-key': key })).toMatchObject({ status: 200 });

    const listed = await request('GET', '/v1/settings/api-keys');
    expect(listed.json()).toMatchObject({ count: 1, api_keys: [{ id: row.id, is_active: true }] });
    expect(listed.body).not.toContain(key);

    const url = `/v1/settings/api-keys/${row.id}`;
    expect((await request('DELETE', url)).statusCode).toBe(204);
    expect((await request('DELETE', url)).statusCode).toBe(404);
    expect(await ask({ 'x-api-key': key })).toMatchObject({ status: 401 });
    expect((await request('GET', '/v1/settings/api-keys')).json()).toMatchObject({
      api_keys: [{ is_active: false }],
    });
  });

  test('hand on no more than their maker may do', async () => {
    const request = await asPerson({ scope: 'instances:read' });
    const refused = await request('POST', '/v1/settings/api-keys', { scopes: ['instances:write'] });
    expect(refused.statusCode).toBe(403);
    const made = await request('POST', '/v1/settings/api-keys', {});
    expect(made.json()).toMatchObject({ scopes: ['instances:read'] });
  });

  test('refuse wrong fields, and an end that has passed', async () => {
    const request = await asPerson({});
    const loc = async (payload: object): Promise<unknown> => {
      const answer = await request('POST', '/v1/settings/api-keys', payload);
      expect(answer.statusCode).toBe(422);
      return answer.json<{ detail: { loc: unknown }[] }>().detail[0]?.loc;
    };
    expect(await loc({ name: '' })).toEqual(['body', 'name']);
    expect(await loc({ key_type: 'prod' })).toEqual(['body', 'key_type']);
    expect(await loc({ scopes: ['admin'] })).toEqual(['body', 'scopes', 0]);
    expect(await loc({ expires_at: '2020-01-01T00:00:00Z' })).toEqual(['body', 'expires_at']);
    expect(await loc({ expires_at: 'soon' })).toEqual(['body', 'expires_at']);
  });
});
