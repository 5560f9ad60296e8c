import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestApi } from '#test/support/api.ts';
import type { TestApi } from '#test/support/api.ts';
import { openTestStore } from '#test/support/store.ts';
import type { Store } from '#store/store.ts';

let store: Store;
let api: TestApi;
let port: number;
beforeAll(async () => {
  store = await openTestStore();
  api = await openTestApi(store);
  port = Number(new URL(await api.app.listen({ host: '127.0.0.1', port: 0 })).port);
});
afterAll(async () => {
  await api.app.close();
  await store.close();
});

/** An instance and its voice URL, and a POST of raw bytes to it. */
async function target() {
  const { key } = await api.tenant();
  const created = await api.as(key)('POST', '/v1/instances', { name: 'agent' });
  const url = `/v1/instances/${String(Object(created.body).id)}/channels/voice`;
  const post = async (payload: string | Buffer, headers: Record<string, string> = {}) => {
    const answer = await api.app.inject({
      method: 'POST',
      url,
      headers: { 'x-api-key': key, 'content-type': 'application/json', ...headers },
      payload,
    });
    return { status: answer.statusCode, body: answer.json<unknown>() };
  };
  return { key, url, post, request: api.as(key) };
}

const detail = (loc: readonly unknown[], msg: string, type: string): object => ({
  detail: [{ loc, msg, type }],
});

describe('a body', () => {
  test.each<[string, string, object]>([
    ['is not JSON', '{"provider":', detail(['body', 12], 'JSON decode error', 'json_invalid')],
    ['ends early', '{', detail(['body', 1], 'JSON decode error', 'json_invalid')],
    ['has something after it', '{}x', detail(['body', 2], 'JSON decode error', 'json_invalid')],
    ['holds NaN', '{"api_key":NaN}', detail(['body', 11], 'JSON decode error', 'json_invalid')],
    [
      'has a field twice',
      '{"api_key":"a","api_key":"b"}',
      detail(['body', 'api_key'], 'Field given more than once', 'duplicate_key'),
    ],
    [
      'has a field twice, once in disguise',
      '{"api_key":"a","api\\u005fkey":"b"}',
      detail(['body', 'api_key'], 'Field given more than once', 'duplicate_key'),
    ],
    [
      'is nested without end',
      '['.repeat(100_000),
      detail(['body', 32], 'JSON is nested deeper than 32 levels', 'json_invalid'),
    ],
    [
      'holds a NUL character',
      '{"agent_id":"a\\u0000b"}',
      detail(['body', 'agent_id'], 'Value error, NUL characters are not permitted', 'value_error'),
    ],
    [
      'holds half a character',
      '{"agent_id":"\\ud800"}',
      detail(
        ['body', 'agent_id'],
        'Input should be a valid string, unable to parse raw data as a unicode string',
        'string_unicode',
      ),
    ],
    [
      'has a __proto__',
      '{"__proto__":{"provider":"pipecat"}}',
      detail(['body', '__proto__'], 'Extra inputs are not permitted', 'extra_forbidden'),
    ],
    [
      'has a constructor',
      '{"constructor":1}',
      detail(['body', 'constructor'], 'Extra inputs are not permitted', 'extra_forbidden'),
    ],
  ])('that %s is a 422 in FastAPI’s shape', async (_what, payload, body) => {
    const { post } = await target();
    expect(await post(payload)).toEqual({ status: 422, body });
  });

  test('that is not UTF-8 is a 400', async () => {
    const { post } = await target();
    const bytes = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]);
    expect(await post(bytes)).toEqual({
      status: 400,
      body: { detail: 'There was an error parsing the body' },
    });
  });

  test('of a megabyte is a 413, declared or not', async () => {
    const { post, key, url } = await target();
    const payload = JSON.stringify({ api_key: 'x'.repeat(1_000_000) });
    expect(await post(payload)).toEqual({ status: 413, body: { detail: 'Payload Too Large' } });
    const chunked = await fetch(`http://127.0.0.1:${port}${url}`, {
      method: 'POST',
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      body: new Blob([payload]).stream(),
      duplex: 'half',
    });
    expect(chunked.status).toBe(413);
  });

  test('of another type is a 415, and one without a type is taken for JSON', async () => {
    const { post, url, key } = await target();
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/jsonx',
      '%',
    ])
      expect(await post('{}', { 'content-type': type })).toMatchObject({ status: 415 });
    for (const type of ['application/json; charset=utf-8', 'application/merge-patch+json'])
      expect(await post('{}', { 'content-type': type })).toMatchObject({ status: 200 });
    const untyped = await api.app.inject({
      method: 'POST',
      url,
      headers: { 'x-api-key': key },
      payload: Buffer.from('{"provider":"x"}'),
    });
    expect(untyped.statusCode).toBe(422);
  });

  test('that is empty is as good as none', async () => {
    const { post, request } = await target();
    expect(await post('')).toMatchObject({ status: 200 });
    expect(await request('POST', '/v1/instances')).toMatchObject({
      status: 422,
      body: detail(['body'], 'Field required', 'missing'),
    });
  });
});

describe('a path', () => {
  test('with an id that is no uuid is a 422', async () => {
    const { request } = await target();
    const body = detail(
      ['path', 'instance_id'],
      'Input should be a valid UUID, invalid character or length',
      'uuid_parsing',
    );
    for (const id of ['1', 'null', '%00', '..%2f', 'g'.repeat(36)])
      expect(await request('GET', `/v1/instances/${id}/channels/voice`)).toMatchObject({
        status: 422,
        body,
      });
    expect(await request('GET', '/v1/calls/1')).toMatchObject({ status: 422 });
  });

  test('that there is none of is a 404, one that is no URL a 400', async () => {
    expect(await api.as('')('GET', '/nowhere')).toMatchObject({
      status: 404,
      body: { detail: 'Not Found' },
    });
    expect(await api.as('')('GET', '/%zz')).toMatchObject({
      status: 400,
      body: { detail: 'Bad Request' },
    });
  });

  test('asked with another method is a 405 that names the right ones', async () => {
    const { url } = await target();
    for (const method of ['PUT', 'PATCH', 'OPTIONS'] as const) {
      const answer = await api.app.inject({ method, url, payload: 'x' });
      expect(answer.statusCode).toBe(405);
      expect(answer.json()).toEqual({ detail: 'Method Not Allowed' });
      expect(answer.headers['allow']).toBe('GET, HEAD, POST, DELETE');
    }
  });
});

describe('what is hardly HTTP', () => {
  const raw = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(text));
      socket.setEncoding('utf8');
      socket.on('data', (chunk: string) => (answer += chunk));
      socket.on('close', () => resolve(answer));
      socket.on('error', reject);
    });

  test('is a 400, with too large a header a 431, both in our shape', async () => {
    const garbage = await raw('canary\r\n\r\n');
    expect(garbage).toMatch(/^HTTP\/1\.1 400 Bad Request/);
    expect(garbage).toContain('{"detail":"Bad Request"}');
    const huge = await raw(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`);
    expect(huge).toMatch(/^HTTP\/1\.1 431 /);
    expect(huge).toContain('{"detail":"Request Header Fields Too Large"}');
  });
});

test('a request is one line of log, without its path’s values, query or body', async () => {
  const { request, url } = await target();
  api.lines.length = 0;
  await request('POST', `${url}?token=canary`, { api_key: 'canary' });
  await request('GET', '/canary/canary');
  expect(api.lines).toHaveLength(2);
  expect(JSON.parse(api.lines[0] ?? '')).toMatchObject({
    method: 'POST',
    route: '/v1/instances/:instance_id/channels/voice',
    status: 200,
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
  });
  expect(api.lines.join('')).not.toContain('canary');
});
