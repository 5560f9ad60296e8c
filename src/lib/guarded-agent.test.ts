import { describe, expect, onTestFinished, test } from 'vitest';
import { request } from 'undici';
import type { LookupAddress } from 'node:dns';
import { startHttp } from '#sandbox/lib/http.ts';
import { guardedAgent, PrivateAddressError, publicLookup } from './guarded-agent.ts';

const agentWith = (allowPrivate: boolean, maxResponseBytes = 1_000) => {
  const agent = guardedAgent({ allowPrivate, maxResponseBytes });
  onTestFinished(() => agent.destroy());
  return agent;
};

describe('a guarded connection', () => {
  test.each([
    'https://127.0.0.1:1/',
    'https://[::1]:1/',
    'https://localhost:1/',
    'https://10.1.2.3/',
    'http://93.184.215.14/',
  ])('is not made to %s', async (url) => {
    const error = await request(url, { dispatcher: agentWith(false) }).catch((one: unknown) => one);
    expect(error).toBeInstanceOf(PrivateAddressError);
  });

  test('is made to a private address where that is allowed', async () => {
    const server = await startHttp({ onRequest: ({ response }) => void response.end('hello') });
    onTestFinished(() => server.close());
    const { body } = await request(server.origin, { dispatcher: agentWith(true) });
    expect(await body.text()).toBe('hello');
  });

  test('gives up an answer that is too long', async () => {
    const long = 'x'.repeat(1_001);
    const server = await startHttp({ onRequest: ({ response }) => void response.end(long) });
    onTestFinished(() => server.close());
    const { body } = await request(server.origin, { dispatcher: agentWith(true) });
    await expect(body.text()).rejects.toThrow();
  });
});

describe('the lookup of public names', () => {
  const find = (
    name: string,
    all: boolean,
  ): Promise<{ error: Error | null; found: string | LookupAddress[] }> =>
    new Promise((resolve) =>
      publicLookup(name, { all }, (error, found) => resolve({ error, found })),
    );

  test.each([true, false])('finds no loopback (all: %s)', async (all) => {
    const { error } = await find('localhost', all);
    expect(error).toBeInstanceOf(PrivateAddressError);
    expect(error?.message).toBe('localhost has only private addresses');
  });

  test.each([true, false])('finds an address that is one (all: %s)', async (all) => {
    const { error, found } = await find('8.8.8.8', all);
    expect(error).toBeNull();
    expect(found).toEqual(all ? [{ address: '8.8.8.8', family: 4 }] : '8.8.8.8');
  });
});
