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

/** The status of `GET /v1/instances` with these headers. */
const ask = async (headers: Record<string, string>) => {
  const answer = await api.app.inject({ method: 'GET', url: '/v1/instances', headers });
  return { status: answer.statusCode };
};
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

describe('the internal routes', () => {
  test('take the instance’s own key only, and do not tell what they are without it', async () => {
    const { key } = await api.tenant();
    const created = Object((await api.as(key)('POST', '/v1/instances', { name: 'agent' })).body);
    const other = Object((await api.as(key)('POST', '/v1/instances', { name: 'other' })).body);
    const token = await api.token({ tenant_id: 'acme' });
    const status = async (headers: Record<string, string>, id: string = created.id) => {
      const url = `/internal/v1/instances/${id}/voice/call`;
      return (await api.app.inject({ method: 'POST', url, headers, payload: '{' })).statusCode;
    };
    expect(created.internal_key).toMatch(/^hci_/);
    expect(await status(bearer(created.internal_key))).toBe(404);
    for (const headers of [
      {},
      { 'x-api-key': key },
      bearer(key),
      bearer(token),
      bearer(other.internal_key),
      bearer(`${created.internal_key}x`),
      { 'x-api-key': created.internal_key },
    ])
      expect(await status(headers)).toBe(401);
    expect(await status(bearer(created.internal_key), crypto.randomUUID())).toBe(401);
    expect(await status(bearer(created.internal_key), 'nonsense')).toBe(401);
    for (const url of ['/internal', '/internal/', '/internal/v1', '/internal/v1/nothing'])
      expect((await api.app.inject({ url, headers: { 'x-api-key': key } })).statusCode).toBe(401);
  });

  test('are not opened by the internal key elsewhere', async () => {
    const { key } = await api.tenant();
    const created = Object((await api.as(key)('POST', '/v1/instances', { name: 'agent' })).body);
    expect(await ask(bearer(created.internal_key))).toMatchObject({ status: 401 });
    expect(await ask({ 'x-api-key': created.internal_key })).toMatchObject({ status: 401 });
  });
});
