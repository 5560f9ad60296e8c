import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fastify from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestApi } from '#test/support/api.ts';
import type { TestApi } from '#test/support/api.ts';
import { openTestStore } from '#test/support/store.ts';
import { registerConsole } from './console.ts';

const assets = readdirSync(join(import.meta.dirname, '../../console/dist/assets'));
const named = (ending: string): string =>
  `/assets/${assets.find((name) => name.endsWith(ending)) ?? 'none'}`;
/** What the page loads first; the other files of a program come when they are wanted. */
const PROGRAM = `/assets/${assets.find((name) => /^index-.+\.js$/.test(name)) ?? 'none'}`;

describe('the console', () => {
  let api: TestApi;
  const get = (url: string, headers: Record<string, string> = {}) =>
    api.app.inject({ url, headers });

  beforeAll(async () => {
    api = await openTestApi(await openTestStore());
  });
  afterAll(async () => {
    await api.app.close();
    await api.store.close();
  });

  test.each(['/', '/instances', '/instances/new', '/instances/a/live', '/calls/b'])(
    'opens at %s without a key',
    async (url) => {
      const { statusCode, headers, body } = await get(url);
      expect(statusCode).toBe(200);
      expect(headers['content-type']).toBe('text/html; charset=utf-8');
      expect(headers['cache-control']).toBe('no-cache');
      expect(body).toContain(PROGRAM);
    },
  );

  test('loads nothing but what this server has, and runs no script inside of the page', async () => {
    const { headers, body } = await get('/');
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(body).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son\w+=/);
  });

  test.each([
    ['.js', 'text/javascript; charset=utf-8'],
    ['.css', 'text/css; charset=utf-8'],
    ['.svg', 'image/svg+xml'],
  ])('keeps a file of %s in the cache for good', async (ending, type) => {
    const { statusCode, headers } = await get(named(ending));
    expect(statusCode).toBe(200);
    expect(headers['content-type']).toBe(type);
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(headers['content-security-policy']).toBeDefined();
  });

  test('is sent compressed to those who can read it, and the same to those who cannot', async () => {
    const plain = await get(named('.js'));
    const packed = await get(named('.js'), { 'accept-encoding': 'br, gzip' });
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(packed.headers['vary']).toBe('accept-encoding');
    expect(gunzipSync(packed.rawPayload).equals(plain.rawPayload)).toBe(true);
  });

  test('is not sent again to those who have it', async () => {
    const { headers } = await get('/');
    const again = await get('/', { 'if-none-match': `W/${String(headers['etag'])}` });
    expect(again.statusCode).toBe(304);
    expect(again.body).toBe('');
    const other = await get('/', { 'if-none-match': '"other"' });
    expect(other.statusCode).toBe(200);
  });

  test.each([
    '/assets/../../../package.json',
    '/assets/%2e%2e/%2e%2e/package.json',
    '/assets/..%2f..%2f..%2fpackage.json',
    '/assets/..\\..\\package.json',
    '/assets//etc/passwd',
    '/assets/',
    '/assets',
    '/index.html.map',
    '/instances/../../package.json',
    '/console/dist/index.html',
  ])('has no way out of its folder: %s', async (url) => {
    const { statusCode, body } = await get(url);
    // An address of a page is answered with the page, whatever follows; nothing else is there.
    if (statusCode === 200) expect(body).toContain('<div id="root">');
    else expect(statusCode).toBe(404);
    expect(body).not.toMatch(/"dependencies"|root:x/);
  });

  test('takes nothing but reading', async () => {
    const answer = await api.app.inject({ method: 'POST', url: '/' });
    expect(answer.statusCode).toBe(405);
    expect(answer.headers['allow']).toContain('GET');
  });

  test('leaves addresses that are no page to the API', async () => {
    expect((await get('/v1/instances')).statusCode).toBe(401);
    const missing = await get('/nothing');
    expect(missing.statusCode).toBe(404);
    expect(missing.json()).toEqual({ detail: 'Not Found' });
  });

  test('is not in the description of the API', async () => {
    const { paths } = (await get('/openapi.json')).json<{ readonly paths: object }>();
    expect(
      Object.keys(paths)
        .filter((path) => !path.startsWith('/v1'))
        .toSorted(),
    ).toEqual(['/healthz', '/metrics', '/readyz']);
  });
});

test('a server without a bundle has no console, and serves on', async () => {
  const app = fastify().withTypeProvider<ZodTypeProvider>();
  registerConsole(app, join(tmpdir(), 'no-such-folder'));
  expect((await app.inject('/')).statusCode).toBe(404);
  await app.close();
});

test('a file of a kind that no page has is not served', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hydracore-console-'));
  writeFileSync(join(folder, 'index.html'), '<p>page</p>');
  writeFileSync(join(folder, '.env'), 'SECRET=1');
  const app = fastify().withTypeProvider<ZodTypeProvider>();
  registerConsole(app, folder);
  expect((await app.inject('/.env')).statusCode).toBe(404);
  expect((await app.inject('/')).body).toBe('<p>page</p>');
  await app.close();
  rmSync(folder, { recursive: true });
});
