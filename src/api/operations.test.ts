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

describe('for whoever runs the server', () => {
  const get = async (url: string, on: TestApi = api) => {
    const answer = await on.app.inject({ method: 'GET', url });
    return { status: answer.statusCode, text: answer.body };
  };

  test('it says that it is alive, and ready only when it is', async () => {
    expect(await get('/healthz')).toEqual({ status: 200, text: '{"status":"ok"}' });
    expect(await get('/readyz')).toEqual({ status: 200, text: '{"status":"ready"}' });
    const draining = await openTestApi(store, { ready: () => false });
    expect(await get('/readyz', draining)).toMatchObject({ status: 503 });
    expect(await get('/healthz', draining)).toMatchObject({ status: 200 });
    const broken = await openTestApi(store, {
      store: { ...store, ping: () => Promise.reject(new Error('canary')) },
    });
    expect(await get('/readyz', broken)).toEqual({
      status: 503,
      text: '{"detail":"The database does not answer."}',
    });
    await Promise.all([draining.app.close(), broken.app.close()]);
  });

  test('a database that never answers is noticed in time', async () => {
    const stuck = await openTestApi(store, {
      store: { ...store, ping: () => new Promise<void>(() => undefined) },
    });
    const asked = get('/readyz', stuck);
    while (stuck.clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
    await stuck.clock.advance(2_000);
    expect(await asked).toMatchObject({ status: 503 });
    await stuck.app.close();
  });

  test('it counts live calls and times requests', async () => {
    api.live.calls.set('x', [{ callId: 'c', state: 'listening', turnCount: 0 }]);
    await get('/nowhere');
    const { text } = await get('/metrics');
    expect(text).toMatch(/^hydracore_live_calls 1$/m);
    expect(text).toMatch(
      /^http_request_duration_seconds_count\{method="GET",route="\(none\)",status="404"\} \d+$/m,
    );
    expect(text).toMatch(/^process_cpu_seconds_total /m);
    api.live.calls.clear();
  });

  test('an error of its own is a plain 500, logged by name and place, without what it says', async () => {
    const broken = await openTestApi(store, {
      store: {
        ...store,
        instances: {
          ...store.instances,
          list: () => Promise.reject(new TypeError('canary', { cause: new Error('canary') })),
        },
      },
    });
    const { key } = await broken.tenant();
    expect(await broken.as(key)('GET', '/v1/instances')).toMatchObject({
      status: 500,
      body: { detail: 'Internal Server Error' },
    });
    const lines = broken.lines.join('');
    expect(lines).toContain('"fault":"TypeError"');
    expect(lines).not.toContain('canary');
    await broken.app.close();
  });
});
