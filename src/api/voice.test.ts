import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestApi } from '#test/support/api.ts';
import type { TestApi } from '#test/support/api.ts';
import { openTestStore } from '#test/support/store.ts';

const NUMBER = '+14155550101';
const complete = {
  provider: 'pipecat',
  openai_api_key: 'sk-a',
  cartesia_api_key: 'ca-a',
  twilio_auth_token: 'tok-a',
  twilio_phone_number: NUMBER,
};

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi(await openTestStore());
});
afterAll(async () => {
  await api.app.close();
  await api.store.close();
});

/** An instance of a new tenant, and requests at its voice channel. */
async function instance() {
  const { tenantId, key } = await api.tenant();
  const request = api.as(key);
  const created = await request('POST', '/v1/instances', { name: 'agent' });
  const id = String(Object(created.body).id);
  const url = `/v1/instances/${id}/channels/voice`;
  return {
    id,
    tenantId,
    url,
    request,
    get: () => request('GET', url),
    post: (body?: unknown) => request('POST', url, body),
    remove: () => request('DELETE', url),
    row: async (): Promise<object> => {
      const { body } = await request('GET', `/v1/instances/${id}/channels`);
      const row: object = Object(Object(body).channels[0]);
      return row;
    },
  };
}

const fault = (field: string, msg: string, type: string): object => ({
  detail: [{ loc: ['body', field], msg, type }],
});

describe('the voice channel', () => {
  test('that was never set up has a status all the same', async () => {
    const { get } = await instance();
    expect(await get()).toMatchObject({
      status: 200,
      body: {
        active_calls: 0,
        enabled: false,
        phone_number: null,
        provider: null,
        status: 'not_configured',
        webhook_url: null,
      },
    });
  });

  test.each([
    ['an empty object', {}],
    ['no body at all', undefined],
  ])('set up with %s is a retell channel that lacks something', async (_name, body) => {
    const { id, post, row } = await instance();
    expect(await post(body)).toMatchObject({
      status: 200,
      body: {
        active_calls: 0,
        enabled: false,
        phone_number: null,
        provider: 'retell',
        status: 'incomplete',
        webhook_url: `https://voice.example/hooks/voice/${id}`,
      },
    });
    expect(await row()).toMatchObject({ error_message: 'Missing: a key: api_key' });
  });

  test('with all it needs is active, and says where calls go', async () => {
    const { id, post, get } = await instance();
    const answer = await post(complete);
    expect(answer).toMatchObject({
      status: 200,
      body: {
        active_calls: 0,
        enabled: true,
        phone_number: NUMBER,
        provider: 'pipecat',
        status: 'active',
        webhook_url: `https://voice.example/hooks/voice/${id}/twiml`,
      },
    });
    expect((await get()).body).toEqual(answer.body);
  });

  test('keeps what a later setup leaves out, and clears what it empties', async () => {
    const { post, row } = await instance();
    await post(complete);
    await post({ google_api_key: ' g-key\n' });
    expect(await row()).toMatchObject({
      provider: 'pipecat',
      config: {
        secrets_set: expect.arrayContaining(['openai_api_key', 'google_api_key']) as unknown,
      },
    });
    expect(await post({ openai_api_key: '', google_api_key: null })).toMatchObject({
      body: { status: 'incomplete', enabled: false },
    });
    expect(await row()).toMatchObject({
      status: 'incomplete',
      error_message: 'Missing: a language model key: openai_api_key',
      config: {
        secrets_set: expect.not.arrayContaining(['openai_api_key', 'google_api_key']) as unknown,
      },
    });
  });

  test('is listed in the platform’s shape', async () => {
    const { id, post, row } = await instance();
    await post(complete);
    expect(Object.keys(await row())).toEqual([
      'id',
      'instance_id',
      'channel_type',
      'provider',
      'external_identifier',
      'enabled',
      'status',
      'config',
      'connection_id',
      'error_message',
      'last_event_at',
      'created_at',
      'updated_at',
    ]);
    expect(await row()).toMatchObject({
      instance_id: id,
      channel_type: 'voice',
      external_identifier: NUMBER,
      connection_id: null,
      error_message: null,
    });
  });

  test('refused by the carrier is a 422 on its field, and nothing is stored', async () => {
    const { post, get } = await instance();
    api.world.faults.push('refuse');
    expect(await post(complete)).toMatchObject({
      status: 422,
      body: fault('twilio_auth_token', 'Value error, wrong credentials', 'value_error'),
    });
    expect(await get()).toMatchObject({ body: { status: 'not_configured' } });
  });

  test('with its carrier out of reach is pending, and the worker is told', async () => {
    const { post, row } = await instance();
    const kicks = api.kicks();
    api.world.faults.push('unreachable');
    expect(await post(complete)).toMatchObject({ status: 200, body: { status: 'pending' } });
    expect(api.kicks()).toBe(kicks + 1);
    expect(await row()).toMatchObject({ error_message: 'the carrier is down' });
  });

  test('is removed once, with its calls and secrets, and is new afterwards', async () => {
    const { id, tenantId, post, get, remove } = await instance();
    await post(complete);
    expect(await remove()).toMatchObject({ status: 204, text: '' });
    expect(api.live.ended).toContain(`${id} channel_removed`);
    expect(await api.store.channels.secrets(tenantId, id)).toEqual({});
    expect(await remove()).toMatchObject({
      status: 404,
      body: { detail: 'Voice channel not found' },
    });
    expect(await get()).toMatchObject({ body: { status: 'not_configured' } });
  });

  test('never answers a secret', async () => {
    const { post, get, request, id } = await instance();
    const secrets = Object.fromEntries(
      [
        'api_key',
        'webhook_secret',
        'twilio_auth_token',
        'deepgram_api_key',
        'openai_api_key',
        'google_api_key',
        'anthropic_api_key',
        'cartesia_api_key',
        'elevenlabs_api_key',
      ].map((name) => [name, `canary-${name}`]),
    );
    const answers = [
      await post({ ...complete, ...secrets }),
      await get(),
      await request('GET', `/v1/instances/${id}/channels`),
      await request('GET', `/v1/instances/${id}`),
      await post({ ...secrets, phone_number: 'canary-number' }),
      await post({ ...secrets, provider: 'canary-provider' }),
    ];
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200, 422, 422]);
    for (const answer of answers) expect(answer.text).not.toContain('canary');
    expect(api.lines.join('')).not.toContain('canary');
  });
});

describe('what a setup refuses', () => {
  const phone =
    'Value error, value is not a possible phone number in E.164 form, such as +14155550123';
  test.each<[string, unknown, string, string]>([
    ['provider', 'twilio', "Input should be 'retell' or 'pipecat'", 'literal_error'],
    ['provider', null, "Input should be 'retell' or 'pipecat'", 'literal_error'],
    ['phone_number', '4155550123', phone, 'value_error'],
    ['phone_number', '+1 415 555 0123', phone, 'value_error'],
    ['phone_number', '+1415', phone, 'value_error'],
    ['twilio_phone_number', '+1415555012345', phone, 'value_error'],
    ['twilio_phone_number', '+999123456789', phone, 'value_error'],
    ['deepgram_key', 'x', 'Extra inputs are not permitted', 'extra_forbidden'],
    ['openai_api_key', 1, 'Input should be a valid string', 'string_type'],
    ['openai_api_key', ['x'], 'Input should be a valid string', 'string_type'],
    ['api_key', 'x'.repeat(5_000), 'String should have at most 4096 characters', 'string_too_long'],
    [
      'api_key',
      'a\nb',
      "String should match pattern '^[\\x20-\\x7e]*$'",
      'string_pattern_mismatch',
    ],
  ])('%s: %j', async (field, value, msg, type) => {
    const { post, get } = await instance();
    expect(await post({ [field]: value })).toMatchObject({
      status: 422,
      body: fault(field, msg, type),
    });
    expect(await get()).toMatchObject({ body: { status: 'not_configured' } });
  });

  test('several faults are told at once', async () => {
    const { post } = await instance();
    const { body } = await post({ provider: 'x', phone_number: 'y', nope: 1 });
    expect(Object(body).detail).toHaveLength(3);
  });

  test('a body that is no object', async () => {
    const { post } = await instance();
    for (const body of ['[]', '"x"', '1', 'true'])
      expect(await post(body)).toMatchObject({
        status: 422,
        body: { detail: [{ loc: ['body'], type: 'model_attributes_type' }] },
      });
  });
});

test('another tenant’s instance does not exist on any route', async () => {
  const { id, url, post } = await instance();
  await post(complete);
  const stranger = api.as((await api.tenant()).key);
  for (const [method, path, body] of [
    ['GET', url, undefined],
    ['POST', url, {}],
    ['DELETE', url, undefined],
    ['GET', `${url}/calls`, undefined],
    ['GET', `/v1/instances/${id}`, undefined],
    ['PATCH', `/v1/instances/${id}`, { name: 'mine' }],
    ['DELETE', `/v1/instances/${id}`, undefined],
    ['GET', `/v1/instances/${id}/channels`, undefined],
    ['GET', `/v1/instances/${id}/events`, undefined],
  ] as const)
    expect(await stranger(method, path, body)).toMatchObject({
      status: 404,
      body: { detail: 'Instance not found' },
    });
});
