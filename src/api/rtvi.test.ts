import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createLog, silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { IncomingCall } from '#contracts/incoming-call.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import type { ChannelChange, Instance, Store } from '#store/store.ts';
import { openTestApi } from '#test/support/api.ts';
import { openTestStore } from '#test/support/store.ts';
import { patiently } from '#test/support/poll.ts';
import { openSocketDoors } from './hooks-sockets.ts';
import { createBrowserCalls } from './rtvi.ts';
import type { BrowserCallParts } from './rtvi.ts';

let store: Store;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

const SECRETS = { deepgram_api_key: 'a', openai_api_key: 'b', cartesia_api_key: 'c' };
const COMPLETE: ChannelChange = { provider: 'pipecat', enabled: true, secrets: SECRETS };
const READY = JSON.stringify({
  label: 'rtvi-ai',
  type: 'client-ready',
  id: 'r1',
  data: { version: '2.1.0' },
});

/** An API, and a door behind it that really listens; every call is handed to the test. */
async function rig(change: Partial<BrowserCallParts> = {}) {
  const clock = virtualClock(Date.now());
  const answered: IncomingCall[] = [];
  const lines: string[] = [];
  const browserCalls = createBrowserCalls({
    store,
    clock,
    log: createLog({
      level: 'trace',
      keepPii: true,
      destination: { write: (line: string) => void lines.push(line) },
    }),
    publicUrl: 'https://voice.example',
    nodeId: crypto.randomUUID(),
    ready: () => true,
    hasRoom: () => true,
    answer: (call) => void answered.push(call),
    vendorKeys: {
      'speech-to-text': ['deepgram_api_key'],
      'language-model': ['openai_api_key'],
      'text-to-speech': ['cartesia_api_key'],
    },
    ...change,
  });
  const api = await openTestApi(store, { browserCalls });
  openSocketDoors(api.app.server, [browserCalls.door], silentLog);
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  const address = api.app.server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const { tenantId, key } = await api.tenant();

  const addInstance = async (
    channel: ChannelChange | undefined,
    config: object = {},
  ): Promise<Instance> => {
    const agentConfig = agentConfigSchema.parse(config);
    const instance = await store.instances.create(tenantId, { name: 'Agent', agentConfig });
    if (channel) await store.channels.upsert(tenantId, instance.id, channel);
    return instance;
  };
  const connect = (instance: Instance, body?: unknown) =>
    api.as(key)('POST', `/v1/instances/${instance.id}/connect`, body);
  const start = async (instance: Instance) => {
    const { status, body } = await connect(instance);
    expect(status).toBe(200);
    const { token } = Object(body);
    return String(token);
  };
  const socket = (instance: Instance, token: string): WebSocket =>
    new WebSocket(`ws://127.0.0.1:${port}/v1/instances/${instance.id}/rtvi?token=${token}`);
  const statusOf = async (refused: WebSocket): Promise<number> => {
    refused.on('error', () => undefined);
    const [, response] = await once(refused, 'unexpected-response');
    return Number(response.statusCode);
  };
  return {
    api,
    clock,
    answered,
    lines,
    tenantId,
    addInstance,
    connect,
    start,
    socket,
    statusOf,
    async [Symbol.asyncDispose]() {
      browserCalls.close();
      await api.app.close();
    },
  };
}

describe('the start endpoint', () => {
  test('answers exactly what the client connects with, and begins a call that is listed', async () => {
    await using it = await rig();
    const instance = await it.addInstance(COMPLETE);
    for (const body of [undefined, {}, { transport: 'websocket' }]) {
      const { status, body: answer } = await it.connect(instance, body);
      expect(status).toBe(200);
      expect(answer).toEqual({
        wsUrl: `wss://voice.example/v1/instances/${instance.id}/rtvi`,
        token: expect.stringMatching(/^[\w-]{32}$/) as unknown,
      });
    }
    expect(await store.calls.live(it.tenantId, instance.id)).toMatchObject([
      { callerPhone: 'web', provider: 'pipecat', state: 'ringing' },
      { callerPhone: 'web' },
      { callerPhone: 'web' },
    ]);
  });

  test('wants the scope to write, and the tenant whose agent it is', async () => {
    await using it = await rig();
    const instance = await it.addInstance(COMPLETE);
    const path = `/v1/instances/${instance.id}/connect`;
    const reader = await it.api.tenant(['instances:read']);
    expect((await it.api.as(reader.key)('POST', path)).status).toBe(403);
    const other = await it.api.tenant();
    expect((await it.api.as(other.key)('POST', path)).status).toBe(404);
    expect((await it.api.app.inject({ method: 'POST', url: path })).statusCode).toBe(401);
    expect(await store.calls.countLive(it.tenantId, instance.id)).toBe(0);
  });

  test('refuses what it does not know', async () => {
    await using it = await rig();
    const instance = await it.addInstance(COMPLETE);
    expect((await it.connect(instance, { transport: 'daily' })).status).toBe(422);
    expect((await it.connect(instance, { body: {} })).status).toBe(422);
  });

  const closed = { timezone: 'UTC', open: [], closed_message: 'We are closed.' };
  test.each([
    ['nothing is set up', undefined, {}, 'is not set up'],
    [
      'a vendor is missing',
      { ...COMPLETE, secrets: { deepgram_api_key: 'a', openai_api_key: 'b' } },
      {},
      'a text-to-speech key (cartesia_api_key)',
    ],
    [
      'Retell hears and speaks, and nobody else',
      { provider: 'retell', enabled: true, secrets: { api_key: 'k' } },
      {},
      'Retell carries only phone calls of this channel',
    ],
    ['the channel is off', { ...COMPLETE, enabled: false }, {}, 'is off'],
    ['it is closed', COMPLETE, { voice: { business_hours: closed } }, 'We are closed.'],
  ] as const)('says so in a sentence when %s', async (_when, channel, config, sentence) => {
    await using it = await rig();
    const instance = await it.addInstance(channel, config);
    const { status, text } = await it.connect(instance);
    expect([status, text]).toEqual([409, expect.stringContaining(sentence)]);
    expect(await store.calls.countLive(it.tenantId, instance.id)).toBe(0);
  });

  test('takes browser calls of a channel of Retell that has vendors', async () => {
    await using it = await rig();
    const secrets = { ...SECRETS, api_key: 'k' };
    const instance = await it.addInstance({ ...COMPLETE, provider: 'retell', secrets });
    expect((await it.connect(instance)).status).toBe(200);
  });

  test.each([
    ['it is full', { hasRoom: () => false }],
    ['it shuts down', { ready: () => false }],
  ])('takes none when %s', async (_when, change) => {
    await using it = await rig(change);
    const instance = await it.addInstance(COMPLETE);
    expect((await it.connect(instance)).status).toBe(503);
  });
});

describe('the socket', () => {
  test('opens once, and hands the call over when the client is ready', async () => {
    await using it = await rig();
    const instance = await it.addInstance(COMPLETE);
    const token = await it.start(instance);
    const client = it.socket(instance, token);
    await once(client, 'open');
    expect(it.answered).toEqual([]);
    client.send(READY);
    const [data] = await once(client, 'message');
    const ready: unknown = JSON.parse(String(data));
    await expect.poll(() => it.answered.length, patiently).toBe(1);
    const [call] = it.answered;
    expect(call).toMatchObject({
      tenantId: it.tenantId,
      instanceId: instance.id,
      callerPhone: 'web',
      carrierCallId: `web-${call?.callId}`,
    });
    expect(ready).toMatchObject({
      type: 'bot-ready',
      id: 'r1',
      data: { version: '2.1.0', about: { call_id: call?.callId } },
    });
    expect(await it.statusOf(it.socket(instance, token))).toBe(401);
    expect(it.lines.join('\n')).not.toContain(token);
    call?.transport.close();
    client.terminate();
  });

  test.each([
    ['none', ''],
    ['a guessed one', 'A'.repeat(32)],
    ['garbage', encodeURIComponent('\0\n"')],
  ])('is refused to a token that is %s', async (_what, token) => {
    await using it = await rig();
    const instance = await it.addInstance(COMPLETE);
    expect(await it.statusOf(it.socket(instance, token))).toBe(401);
  });

  test("is refused to another agent's token, which is spent by it", async () => {
    await using it = await rig();
    const instance = await it.addInstance(COMPLETE);
    const other = await it.addInstance(COMPLETE);
    const token = await it.start(instance);
    expect(await it.statusOf(it.socket(other, token))).toBe(401);
    expect(await it.statusOf(it.socket(instance, token))).toBe(401);
    expect(await store.calls.countLive(it.tenantId, instance.id)).toBe(0);
  });

  test('that nobody opens leaves a call that was not answered', async () => {
    await using it = await rig();
    const instance = await it.addInstance(COMPLETE);
    const token = await it.start(instance);
    await it.clock.advance(46_000);
    await expect.poll(() => store.calls.countLive(it.tenantId, instance.id), patiently).toBe(0);
    expect(await it.statusOf(it.socket(instance, token))).toBe(401);
  });

  test('that is left before the client is ready leaves a call that was not answered', async () => {
    await using it = await rig();
    const instance = await it.addInstance(COMPLETE);
    const client = it.socket(instance, await it.start(instance));
    await once(client, 'open');
    client.close();
    await expect.poll(() => store.calls.countLive(it.tenantId, instance.id), patiently).toBe(0);
    expect(it.answered).toEqual([]);
  });

  test('of a call that was ended meanwhile is closed', async () => {
    await using it = await rig();
    const instance = await it.addInstance(COMPLETE);
    const client = it.socket(instance, await it.start(instance));
    await once(client, 'open');
    const [live] = await store.calls.live(it.tenantId, instance.id);
    const end = { reason: 'channel_removed', detail: null, at: new Date() } as const;
    await store.calls.end(it.tenantId, live?.id ?? '', end);
    client.send(READY);
    await once(client, 'message');
    const closing = once(client, 'close');
    await expect
      .poll(() => it.clock.advance(1_000).then(() => client.readyState), patiently)
      .toBe(3);
    await closing;
    expect(it.answered).toEqual([]);
  });
});
