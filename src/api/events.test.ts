import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { LiveEvent } from '#protocol/events.ts';
import { openTestApi } from '#test/support/api.ts';
import type { TestApi } from '#test/support/api.ts';
import { openTestStore } from '#test/support/store.ts';
import type { Store } from '#store/store.ts';

/** A busy machine takes its time; a test that is right ends long before. */
const PATIENTLY = { timeout: 20_000 };

let store: Store;
let api: TestApi;
let origin: string;
beforeAll(async () => {
  store = await openTestStore();
  api = await openTestApi(store);
  origin = await api.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await api.app.close();
  await store.close();
});

const event = (text: string): LiveEvent => ({
  type: 'caller-interim',
  call_id: 'c',
  at_ms: 5,
  text,
});

async function instance() {
  const { key, tenantId } = await api.tenant();
  const created = await api.as(key)('POST', '/v1/instances', { name: 'agent' });
  return { id: String(Object(created.body).id), key, tenantId };
}

/** Listens to an instance's events; `text()` is all that came so far. */
async function listen(id: string, key: string, from = origin) {
  const response = await fetch(`${from}/v1/instances/${id}/events`, {
    headers: { 'x-api-key': key },
  });
  let text = '';
  const ended = (async () => {
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString();
  })();
  return { response, ended, text: () => text };
}

test('events of the instance arrive in order, and those of others do not', async () => {
  const { id, key } = await instance();
  const other = await instance();
  const stream = await listen(id, key);
  expect(stream.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  api.live.emit(other.id, event('not for us'));
  api.live.emit(id, event('one\ntwo'));
  api.live.emit(id, event('three'));
  await vi.waitFor(() => expect(stream.text()).toContain('three'), PATIENTLY);
  expect(stream.text().replaceAll(/id: [\w-]+\.(\d+)\.\d+\n/g, 'id: $1\n')).toBe(
    'retry: 2000\n\nid: 0\n: from now on\n\n' +
      'id: 2\nevent: caller-interim\ndata: {"type":"caller-interim","call_id":"c","at_ms":5,"text":"one\\ntwo"}\n\n' +
      'id: 3\nevent: caller-interim\ndata: {"type":"caller-interim","call_id":"c","at_ms":5,"text":"three"}\n\n',
  );
  await stream.response.body?.cancel().catch(() => undefined);
  api.app.server.closeAllConnections();
  await stream.ended.catch(() => undefined);
  await vi.waitFor(() => expect(api.live.subscribers).toBe(0), PATIENTLY);
  expect(api.clock.pending).toBe(0);
});

test('a heartbeat keeps the stream open, until the key is taken away', async () => {
  const { id, key, tenantId } = await instance();
  const stream = await listen(id, key);
  await vi.waitFor(() => expect(stream.text()).toContain('from now on'), PATIENTLY);
  await api.clock.advance(15_000);
  await vi.waitFor(() => expect(stream.text()).toContain(': still here\n\n'), PATIENTLY);
  const [row] = await store.apiKeys.list(tenantId);
  await store.apiKeys.revoke(tenantId, row?.id ?? '');
  await vi.waitFor(() => expect(api.clock.pending).toBe(1), PATIENTLY);
  await api.clock.advance(15_000);
  await stream.ended;
  expect(api.live.subscribers).toBe(0);
  expect(api.clock.pending).toBe(0);
});

test('the stream ends when its instance is deleted', async () => {
  const { id, key } = await instance();
  const stream = await listen(id, key);
  expect(await api.as(key)('DELETE', `/v1/instances/${id}`)).toMatchObject({ status: 204 });
  await vi.waitFor(() => expect(api.clock.pending).toBe(1), PATIENTLY);
  await api.clock.advance(15_000);
  await stream.ended;
});

test('closing the server ends its streams and does not wait for their readers', async () => {
  const own = await openTestApi(store);
  const at = await own.app.listen({ host: '127.0.0.1', port: 0 });
  const { key, tenantId } = await own.tenant();
  const created = await own.as(key)('POST', '/v1/instances', { name: tenantId });
  const stream = await listen(String(Object(created.body).id), key, at);
  await vi.waitFor(() => expect(stream.text()).toContain('from now on'), PATIENTLY);
  await own.app.close();
  await stream.ended;
  expect(own.live.subscribers).toBe(0);
  expect(own.clock.pending).toBe(0);
});

test('HEAD opens no stream', async () => {
  const { id, key } = await instance();
  const url = `${origin}/v1/instances/${id}/events`;
  const answer = await fetch(url, { method: 'HEAD', headers: { 'x-api-key': key } });
  expect(answer.status).toBe(405);
});
