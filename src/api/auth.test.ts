import { createHmac, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT, UnsecuredJWT, exportJWK, exportSPKI, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ALL_SCOPES, JWT_SECRET, openTestApi } from '#test/support/api.ts';
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

const secret = new TextEncoder().encode(JWT_SECRET);
const hourFromNow = (): number => Math.floor(api.clock.now() / 1_000) + 3_600;

/** What `GET /v1/instances` says to these headers. */
const ask = async (headers: Record<string, string>, on: TestApi = api) => {
  const answer = await on.app.inject({ method: 'GET', url: '/v1/instances', headers });
  return { status: answer.statusCode, body: answer.json<unknown>(), headers: answer.headers };
};
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

describe('a person with a token', () => {
  test('may do everything of the tenant that the token names', async () => {
    const token = await api.token({ tenant_id: 'acme' });
    expect(await ask(bearer(token))).toMatchObject({
      status: 200,
      body: { instances: [], count: 0 },
    });
  });

  test.each([
    ['scope', 'instances:read other:thing', 200],
    ['scope', 'instances:write', 403],
    ['scope', '', 403],
    ['scopes', ['instances:read'], 200],
    ['scopes', ['instances:write'], 403],
    ['scopes', [], 403],
    ['scopes', { 'instances:read': true }, 403],
  ])('limited by %s %j gets %i', async (claim, value, status) => {
    const token = await api.token({ tenant_id: 'acme', [claim]: value });
    expect(await ask(bearer(token))).toMatchObject({ status });
  });

  test.each<[string, () => Promise<string> | string]>([
    ['that has expired', () => api.token({ tenant_id: 'acme' }, -60)],
    [
      'without an end',
      () => new SignJWT({ tenant_id: 'acme' }).setProtectedHeader({ alg: 'HS256' }).sign(secret),
    ],
    ['that names no tenant', () => api.token({ sub: 'somebody' })],
    ['with an empty tenant', () => api.token({ tenant_id: '' })],
    ['with a tenant that is no text', () => api.token({ tenant_id: 7 })],
    ['with a tenant of control characters', () => api.token({ tenant_id: 'a\0b' })],
    [
      'signed with another secret',
      () =>
        new SignJWT({ tenant_id: 'acme' })
          .setProtectedHeader({ alg: 'HS256' })
          .setExpirationTime(hourFromNow())
          .sign(new TextEncoder().encode(`${JWT_SECRET}!`)),
    ],
    [
      'signed with a stronger algorithm than is configured',
      () =>
        new SignJWT({ tenant_id: 'acme' })
          .setProtectedHeader({ alg: 'HS512' })
          .setExpirationTime(hourFromNow())
          .sign(secret),
    ],
    [
      'that is not signed',
      () => new UnsecuredJWT({ tenant_id: 'acme' }).setExpirationTime(hourFromNow()).encode(),
    ],
    ['that is changed', async () => (await api.token({ tenant_id: 'acme' })).replace('.', '.e')],
    ['that is none', () => 'nonsense'],
    ['of three empty parts', () => '..'],
  ])('%s is not let in', async (_what, token) => {
    expect(await ask(bearer(await token()))).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer' },
      body: { detail: expect.any(String) as unknown },
    });
  });

  test('of issuer and audience other than configured is not let in', async () => {
    const strict = await openTestApi(store, {
      auth: { jwtSecret: JWT_SECRET, jwtIssuer: 'us', jwtAudience: 'voice' },
    });
    const claims = { tenant_id: 'acme', iss: 'us', aud: 'voice' };
    const status = async (changed: object): Promise<number> =>
      (await ask(bearer(await strict.token({ ...claims, ...changed })), strict)).status;
    expect(await status({})).toBe(200);
    expect(await status({ aud: ['other', 'voice'] })).toBe(200);
    expect(await status({ aud: 'other' })).toBe(401);
    expect(await status({ iss: 'them' })).toBe(401);
    expect(await status({ aud: undefined })).toBe(401);
    await strict.app.close();
  });

  test('is not let in by a scheme other than Bearer, or by an API key as a token', async () => {
    const token = await api.token({ tenant_id: 'acme' });
    const { key } = await api.tenant();
    for (const authorization of [`Basic ${token}`, token, 'Bearer', 'Bearer ', `Bearer ${key}`])
      expect(await ask({ authorization })).toMatchObject({ status: 401 });
    expect(await ask({ authorization: `bearer ${token}` })).toMatchObject({ status: 200 });
  });
});

describe('tokens checked with a JWKS', () => {
  let jwks: Server;
  let keyed: TestApi;
  let isDown = false;
  let sign: (claims: object, alg?: string) => Promise<string>;
  let publicPem: string;
  beforeAll(async () => {
    const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
    publicPem = await exportSPKI(publicKey);
    const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256' };
    jwks = createServer((_request, response) => {
      response.statusCode = isDown ? 500 : 200;
      response.end(JSON.stringify({ keys: [jwk] }));
    });
    await new Promise<void>((resolve) => jwks.listen(0, '127.0.0.1', resolve));
    const address: AddressInfo | string | null = jwks.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    keyed = await openTestApi(store, {
      auth: { jwtSecret: JWT_SECRET, jwksUrl: `http://127.0.0.1:${port}/jwks` },
    });
    sign = (claims, kid = 'one') =>
      new SignJWT({ ...claims })
        .setProtectedHeader({ alg: 'RS256', kid })
        .setExpirationTime(hourFromNow())
        .sign(privateKey);
  });
  afterAll(async () => {
    await keyed.app.close();
    jwks.close();
  });

  test('are unavailable, not wrong, while the JWKS cannot be fetched', async () => {
    isDown = true;
    const answer = await ask(bearer(await sign({ tenant_id: 'acme' })), keyed);
    isDown = false;
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
  });

  test('are let in with a key of the set, and not with one that is not in it', async () => {
    expect(await ask(bearer(await sign({ tenant_id: 'acme' })), keyed)).toMatchObject({
      status: 200,
    });
    expect(await ask(bearer(await sign({ tenant_id: 'acme' }, 'two')), keyed)).toMatchObject({
      status: 401,
    });
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const forged = await new SignJWT({ tenant_id: 'acme' })
      .setProtectedHeader({ alg: 'RS256', kid: 'one' })
      .setExpirationTime(hourFromNow())
      .sign(privateKey);
    expect(await ask(bearer(forged), keyed)).toMatchObject({ status: 401 });
  });

  test('cannot use the public key as a shared secret', async () => {
    const encode = (part: object): string =>
      Buffer.from(JSON.stringify(part)).toString('base64url');
    const claims = { tenant_id: 'acme', exp: hourFromNow() };
    const signed = `${encode({ alg: 'HS256', kid: 'one' })}.${encode(claims)}`;
    const signature = createHmac('sha256', publicPem).update(signed).digest('base64url');
    expect(await ask(bearer(`${signed}.${signature}`), keyed)).toMatchObject({ status: 401 });
  });
});

test('without a secret or a JWKS no token is let in, whoever signed it', async () => {
  const closed = await openTestApi(store, { auth: {} });
  const token = await new SignJWT({ tenant_id: 'acme' })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(hourFromNow())
    .sign(new TextEncoder().encode(' '));
  expect(await ask(bearer(token), closed)).toMatchObject({ status: 401 });
  await closed.app.close();
});

describe('a program with an API key', () => {
  test('may do what the key’s scopes say, route by route', async () => {
    const { key, tenantId } = await api.tenant();
    const created = await api.as(key)('POST', '/v1/instances', { name: 'agent' });
    const id = String(Object(created.body).id);
    const voice = `/v1/instances/${id}/channels/voice`;
    const routes = [
      ['instances:read', 'GET', voice],
      ['instances:read', 'GET', `${voice}/calls`],
      ['instances:read', 'GET', `/v1/instances/${id}/channels`],
      ['instances:read', 'GET', '/v1/instances'],
      ['instances:read', 'GET', `/v1/instances/${id}`],
      ['instances:write', 'POST', voice],
      ['instances:write', 'PATCH', `/v1/instances/${id}`],
      ['instances:delete', 'DELETE', voice],
      ['instances:delete', 'DELETE', `/v1/instances/${id}`],
    ] as const;
    for (const scope of ALL_SCOPES) {
      const { plaintextKey } = await store.apiKeys.create(tenantId, {
        name: scope,
        keyType: 'live',
        scopes: ALL_SCOPES.filter((other) => other !== scope),
        expiresAt: null,
      });
      for (const [needed, method, url] of routes)
        if (needed === scope)
          expect(await api.as(plaintextKey)(method, url)).toMatchObject({
            status: 403,
            body: { detail: `Missing scope: ${scope}` },
          });
    }
    for (const [, method, url] of routes)
      expect(
        (await api.as(key)(method, url, method === 'PATCH' ? {} : undefined)).status,
      ).toBeLessThan(300);
  });

  test('with a wrong, revoked or expired one is not let in', async () => {
    const { key, tenantId } = await api.tenant();
    const expired = await store.apiKeys.create(tenantId, {
      name: 'old',
      keyType: 'live',
      scopes: ALL_SCOPES,
      expiresAt: new Date(Date.now() - 1_000),
    });
    const [row] = await store.apiKeys.list(tenantId);
    await store.apiKeys.revoke(tenantId, row?.name === 'test' ? row.id : '');
    const keys = [`${key.slice(0, -1)}!`, 'hc_live_', 'x', '', `${key}, ${key}`];
    for (const wrong of [...keys, expired.plaintextKey])
      expect(await ask({ 'x-api-key': wrong })).toMatchObject({
        status: 401,
        headers: { 'www-authenticate': 'Bearer' },
      });
  });

  test('cannot manage API keys, whatever its scopes', async () => {
    const { key } = await api.tenant();
    for (const [method, url] of [
      ['POST', '/v1/settings/api-keys'],
      ['GET', '/v1/settings/api-keys'],
      ['DELETE', `/v1/settings/api-keys/${crypto.randomUUID()}`],
    ] as const)
      expect(await api.as(key)(method, url)).toMatchObject({ status: 403 });
  });
});

describe('token and key together', () => {
  test('are let in when they name one tenant, with what both allow', async () => {
    const { key, tenantId } = await api.tenant(['instances:read']);
    const token = await api.token({ tenant_id: tenantId, scope: 'instances:read instances:write' });
    const both = { ...bearer(token), 'x-api-key': key };
    expect(await ask(both)).toMatchObject({ status: 200 });
    const written = await api.app.inject({
      method: 'POST',
      url: '/v1/instances',
      headers: both,
      payload: { name: 'agent' },
    });
    expect(written.statusCode).toBe(403);
  });

  test('are refused when they disagree, or when one of them is wrong', async () => {
    const { key } = await api.tenant();
    const token = await api.token({ tenant_id: 'somebody-else' });
    expect(await ask({ ...bearer(token), 'x-api-key': key })).toMatchObject({ status: 401 });
    expect(await ask({ ...bearer('x.y.z'), 'x-api-key': key })).toMatchObject({ status: 401 });
    expect(await ask({ ...bearer(token), 'x-api-key': 'hc_live_wrong' })).toMatchObject({
      status: 401,
    });
  });
});

test('nobody without credentials is let in, not even to have a body read', async () => {
  const answer = await api.app.inject({
    method: 'POST',
    url: `/v1/instances/${crypto.randomUUID()}/channels/voice`,
    headers: { 'content-type': 'application/json' },
    payload: 'not json',
  });
  expect(answer.statusCode).toBe(401);
  expect(answer.json()).toEqual({ detail: 'Not authenticated' });
});
