import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '#store/store.ts';
import { openTestApi } from '#test/support/api.ts';
import { openTestStore } from '#test/support/store.ts';

let store: Store;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

const SHOP = 'https://shop.example';
const CONNECT = '/v1/instances/3f1c6f3e-8a4e-4a65-9f0e-2a3f3d3b7c11/connect';

async function asked(
  method: 'OPTIONS' | 'POST',
  origin: string,
  parts: Parameters<typeof openTestApi>[1] = { corsOrigins: [SHOP] },
  url = CONNECT,
) {
  const api = await openTestApi(store, parts);
  const { key } = await api.tenant();
  const { statusCode, headers } = await api.app.inject({
    method,
    url,
    headers: {
      origin,
      'x-api-key': key,
      ...(method === 'OPTIONS' && { 'access-control-request-method': 'POST' }),
    },
  });
  await api.app.close();
  return { status: statusCode, headers };
}

describe('a page of another origin', () => {
  test('may start a browser call where it is one of those that are named', async () => {
    const preflight = await asked('OPTIONS', SHOP);
    expect(preflight.status).toBe(204);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': SHOP,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'authorization, content-type, x-api-key',
      vary: 'origin',
    });
    expect(preflight.headers).not.toHaveProperty('access-control-allow-credentials');
  });

  test('reads why it was refused', async () => {
    const missing = await asked('POST', SHOP);
    expect(missing.status).toBe(404);
    expect(missing.headers).toMatchObject({ 'access-control-allow-origin': SHOP });
    const api = await openTestApi(store, { corsOrigins: [SHOP] });
    const keyless = await api.app.inject({
      method: 'POST',
      url: CONNECT,
      headers: { origin: SHOP },
    });
    await api.app.close();
    expect(keyless.statusCode).toBe(401);
    expect(keyless.headers).toMatchObject({ 'access-control-allow-origin': SHOP });
  });

  test.each(['https://evil.example', 'null', `${SHOP}.evil.example`, 'http://shop.example'])(
    'is allowed nothing as %s',
    async (origin) => {
      for (const method of ['OPTIONS', 'POST'] as const) {
        const { headers } = await asked(method, origin);
        expect(headers).not.toHaveProperty('access-control-allow-origin');
      }
    },
  );

  test('is allowed nothing but that', async () => {
    const { status, headers } = await asked('OPTIONS', SHOP, undefined, '/v1/instances');
    expect(status).toBe(405);
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });

  test('is allowed nothing where none is named', async () => {
    const preflight = await asked('OPTIONS', SHOP, {});
    expect(preflight.status).toBe(405);
    expect(preflight.headers).not.toHaveProperty('access-control-allow-origin');
  });
});
