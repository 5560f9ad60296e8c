import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestApi } from '#test/support/api.ts';
import type { TestApi } from '#test/support/api.ts';
import { openTestStore } from '#test/support/store.ts';
import type { Store } from '#store/store.ts';

let store: Store;
let api: TestApi;
let document: Readonly<Record<string, unknown>>;
beforeAll(async () => {
  store = await openTestStore();
  api = await openTestApi(store);
  document = (await api.app.inject('/openapi.json')).json();
});
afterAll(async () => {
  await api.app.close();
  await store.close();
});

/** What lies at a path of the document; undefined if there is nothing. */
const at = (...path: readonly string[]): unknown => {
  let value: unknown = document;
  for (const key of path) value = Object(value)[key];
  return value;
};
const schema = (name: string): unknown => at('components', 'schemas', name);
const VOICE = '/v1/instances/{instance_id}/channels/voice';

test('the four endpoints are there under the contract’s names', () => {
  const summaries = [
    at('paths', VOICE, 'get'),
    at('paths', VOICE, 'post'),
    at('paths', VOICE, 'delete'),
    at('paths', `${VOICE}/calls`, 'get'),
  ].map((operation) => [Object(operation).tags, Object(operation).summary]);
  expect(summaries).toEqual([
    [['Voice channel'], 'Voice Status'],
    [['Voice channel'], 'Setup Voice'],
    [['Voice channel'], 'Teardown Voice'],
    [['Voice channel'], 'List Active Calls'],
  ]);
});

test('SetupVoice has the contract’s fourteen fields, titles, meanings and defaults; none is required', () => {
  const fields = Object.entries<{ title: string; description: string; default?: string }>(
    Object(schema('SetupVoice')).properties,
  ).map(([name, field]) => [name, field.title, field.description, field.default]);
  expect(fields).toEqual([
    ['provider', 'Provider', 'voice provider slug: retell, pipecat', 'retell'],
    ['agent_id', 'Agent Id', 'Retell agent/assistant id', undefined],
    ['api_key', 'Api Key', 'provider API key (Retell), stored encrypted', ''],
    ['webhook_secret', 'Webhook Secret', "the provider's webhook signing secret", undefined],
    ['phone_number', 'Phone Number', 'number for inbound calls', undefined],
    ['twilio_account_sid', 'Twilio Account Sid', 'Twilio account SID', undefined],
    ['twilio_auth_token', 'Twilio Auth Token', 'Twilio auth token', undefined],
    ['twilio_phone_number', 'Twilio Phone Number', 'Twilio number, E.164', undefined],
    ['deepgram_api_key', 'Deepgram Api Key', 'speech-to-text', undefined],
    [
      'openai_api_key',
      'Openai Api Key',
      'language model, text-to-speech, speech-to-text',
      undefined,
    ],
    [
      'google_api_key',
      'Google Api Key',
      'language model, speech-to-text, text-to-speech',
      undefined,
    ],
    ['anthropic_api_key', 'Anthropic Api Key', 'language model', undefined],
    ['cartesia_api_key', 'Cartesia Api Key', 'text-to-speech', undefined],
    ['elevenlabs_api_key', 'Elevenlabs Api Key', 'text-to-speech', undefined],
  ]);
  expect(schema('SetupVoice')).toMatchObject({ additionalProperties: false });
  expect(schema('SetupVoice')).not.toHaveProperty('required');
});

test('answers have the contract’s fields', () => {
  const names = (name: string): string[] =>
    Object.keys(Object(Object(schema(name)).properties)).toSorted();
  expect(names('VoiceStatus')).toEqual([
    'active_calls',
    'enabled',
    'phone_number',
    'provider',
    'status',
    'webhook_url',
  ]);
  expect(names('ActiveCall')).toEqual([
    'call_id',
    'caller_phone',
    'duration_seconds',
    'state',
    'transcript_turns',
  ]);
  expect(schema('ValidationError')).toMatchObject({
    required: ['loc', 'msg', 'type'],
    properties: { loc: { type: 'array' }, msg: { type: 'string' }, type: { type: 'string' } },
  });
});

test('guarded operations say how to be let in, and what they refuse', () => {
  expect(at('components', 'securitySchemes')).toMatchObject({
    HTTPBearer: { type: 'http', scheme: 'bearer' },
    ApiKeyHeader: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
  });
  const paths = Object.entries<Record<string, object>>(Object(at('paths')));
  for (const [path, operations] of paths.filter(([path]) => path.startsWith('/v1/')))
    for (const [method, operation] of Object.entries(operations)) {
      expect(operation, `${method} ${path}`).toHaveProperty('security');
      expect(operation, `${method} ${path}`).toHaveProperty('responses.401');
      if (path.includes('{')) expect(operation).toHaveProperty('responses.422');
    }
});

test('every reference leads somewhere, and what is internal is not shown', () => {
  const text = JSON.stringify(document);
  for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g))
    expect(schema(name ?? ''), name).toBeDefined();
  expect(text.match(/"\$ref":"(?!#\/components\/schemas\/)/)).toBeNull();
  expect(
    Object.keys(Object(at('paths'))).filter((path) => /internal|hooks|docs/.test(path)),
  ).toEqual([]);
});

test('/docs works without the internet', async () => {
  const page = await api.app.inject('/docs');
  expect(page.statusCode).toBe(200);
  const assets = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url ?? '');
  expect(assets.length).toBeGreaterThan(3);
  for (const url of assets) {
    expect(url).toMatch(/^\/docs\/static\//);
    expect((await api.app.inject(url)).statusCode, url).toBe(200);
  }
  const settings = await api.app.inject('/docs/static/swagger-initializer.js');
  expect(settings.body).toContain('validatorUrl: null');
  expect((await api.app.inject('/docs/json')).json()).toEqual(document);
});
