import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { IncomingWordedCall } from '#contracts/incoming-call.ts';
import { newUuid } from '#lib/ids.ts';
import { retellHookUrls } from '#providers/retell/hook-urls.ts';
import type { ChannelChange, Store } from '#store/store.ts';
import { openHooks, PUBLIC_URL, TENANT } from '#test/support/hooks.ts';
import type { HooksRig } from '#test/support/hooks.ts';
import { patiently } from '#test/support/poll.ts';
import { openTestStore } from '#test/support/store.ts';

const API_KEY = 'key_of_the_workspace';

let store: Store;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

let rig: HooksRig | undefined;
afterEach(async () => {
  await rig?.close();
  rig = undefined;
});

async function openDoor(
  options: { channel?: ChannelChange; ready?: boolean; hasRoom?: boolean } = {},
) {
  const answered: IncomingWordedCall[] = [];
  const opened = await openHooks({
    store,
    channel: { provider: 'retell', secrets: { api_key: API_KEY }, ...options.channel },
    ready: () => options.ready ?? true,
    hasRoom: () => options.hasRoom ?? true,
    worded: { answer: (call) => void answered.push(call), retellUrl: 'http://127.0.0.1:9' },
    nodeId: newUuid(),
  });
  rig = opened;
  const path = (callId: string, apiKey = API_KEY, instanceId = opened.instanceId): string =>
    `${retellHookUrls('', instanceId).llm(apiKey)}/${callId}`;
  /** Rejects with the status of a refused upgrade. */
  const connect = async (at: string): Promise<WebSocket & { readonly frames: unknown[] }> => {
    const socket = new WebSocket(opened.origin.replace('http', 'ws') + at);
    const frames: unknown[] = [];
    socket.on('message', (data: Buffer) => void frames.push(JSON.parse(data.toString('utf8'))));
    socket.on('error', () => undefined);
    const refused = new Promise<never>((_resolve, reject) => {
      socket.once('unexpected-response', (_request, response) => {
        reject(new Error(`refused with ${response.statusCode}`));
        response.resume();
      });
    });
    await Promise.race([once(socket, 'open'), refused]);
    return Object.assign(socket, { frames });
  };
  const details = (socket: WebSocket, call: object): void =>
    socket.send(JSON.stringify({ interaction_type: 'call_details', call }));
  return { ...opened, answered, path, connect, details };
}

describe("the door for Retell's custom LLM socket", () => {
  test('stores a call with what Retell says of it, and hands it over', async () => {
    const door = await openDoor();
    const socket = await door.connect(door.path('call_1'));
    door.details(socket, { from_number: '+12025550188', to_number: '+12025550123' });
    await expect.poll(() => door.answered.length, patiently).toBe(1);
    const [call] = door.answered;
    expect(call).toMatchObject({
      tenantId: TENANT,
      instanceId: door.instanceId,
      callerPhone: '+12025550188',
    });
    expect(call?.before).toBeUndefined();
    expect(await store.calls.get(TENANT, call?.callId ?? '')).toMatchObject({
      provider: 'retell',
      caller_phone: '+12025550188',
      state: 'ringing',
    });
    expect(await store.calls.findByCarrierId(TENANT, door.instanceId, 'call_1')).toEqual({
      id: call?.callId,
      ended: false,
    });
    expect(socket.frames[0]).toMatchObject({ response_type: 'config' });
  });

  test('of a call that goes out the other side is who is called', async () => {
    const door = await openDoor();
    const socket = await door.connect(door.path('call_out'));
    door.details(socket, { direction: 'outbound', from_number: '+1202', to_number: '+1303' });
    await expect.poll(() => door.answered[0]?.callerPhone, patiently).toBe('+1303');
  });

  test('waits for these details no longer than a moment', async () => {
    const door = await openDoor();
    await door.connect(door.path('call_2'));
    await expect
      .poll(async () => {
        await door.clock.advance(500);
        return door.answered.length;
      }, patiently)
      .toBe(1);
    expect(door.answered[0]?.callerPhone).toBe('');
  });

  test('a call that Retell has told of before is the same one', async () => {
    const door = await openDoor();
    const id = newUuid();
    await store.calls.begin({
      id,
      tenantId: TENANT,
      instanceId: door.instanceId,
      provider: 'retell',
      carrierCallId: 'call_3',
      callerPhone: '+1404',
      calledPhone: '',
      nodeId: newUuid(),
      startedAt: new Date(door.clock.now()),
    });
    const socket = await door.connect(door.path('call_3'));
    door.details(socket, {});
    await expect.poll(() => door.answered.length, patiently).toBe(1);
    expect(door.answered[0]).toMatchObject({ callId: id, callerPhone: '+1404' });
  });

  test('a call with stored turns is handed over with them', async () => {
    const door = await openDoor();
    const id = newUuid();
    const startedAt = new Date(door.clock.now() - 30_000);
    await store.calls.begin({
      id,
      tenantId: TENANT,
      instanceId: door.instanceId,
      provider: 'retell',
      carrierCallId: 'call_4',
      callerPhone: '',
      calledPhone: '',
      nodeId: newUuid(),
      startedAt,
    });
    await store.providerCalls.lead(TENANT, id);
    const turn = {
      index: 0,
      role: 'agent' as const,
      text: 'Hello.',
      heard: 'Hello.',
      interrupted: false,
      start_ms: 0,
      end_ms: 900,
      waterfall_ms: {},
    };
    await store.calls.record(TENANT, id, { turns: [turn], journal: [] });
    const socket = await door.connect(door.path('call_4'));
    door.details(socket, {});
    await expect.poll(() => door.answered.length, patiently).toBe(1);
    expect(door.answered[0]?.before).toEqual({ startedAt, turns: [turn], turnCount: 1 });
  });

  test('a second socket of a call goes on with it, and the first one gives way', async () => {
    const door = await openDoor();
    const first = await door.connect(door.path('call_5'));
    door.details(first, {});
    await expect.poll(() => door.answered.length, patiently).toBe(1);
    const closed = once(first, 'close');
    const second = await door.connect(door.path('call_5'));
    await closed;
    second.send(JSON.stringify({ interaction_type: 'ping_pong', timestamp: 7 }));
    await expect
      .poll(() => second.frames.at(-1), patiently)
      .toEqual({ response_type: 'ping_pong', timestamp: 7 });
    expect(door.answered).toHaveLength(1);
  });

  test('a frame beyond all measure closes the socket, and nothing else', async () => {
    const door = await openDoor();
    const socket = await door.connect(door.path('call_6'));
    const closed = once(socket, 'close');
    socket.send('x'.repeat(9 * 1_048_576));
    expect((await closed)[0]).toBe(1009);
    await door.connect(door.path('call_7'));
  });

  test.each([
    ['a wrong secret', 401, (door: Door) => door.path('c', 'another key')],
    [
      "another instance's secret",
      401,
      (door: Door) => door.path('c', API_KEY, newUuid()).replace(/[0-9a-f-]{36}/, door.instanceId),
    ],
    ['no instance', 404, (door: Door) => door.path('c', API_KEY, newUuid())],
    ['no call', 404, (door: Door) => door.path('')],
    ['what is no id of a call', 404, (door: Door) => door.path('a%20b')],
  ])('%s is refused with %i before any upgrade', async (_name, status, path) => {
    const door = await openDoor();
    await expect(door.connect(path(door))).rejects.toThrow(`refused with ${status}`);
    expect(door.answered).toEqual([]);
    expect(door.logged()).not.toContain(API_KEY);
  });

  test.each([
    ['another provider', 404, { channel: { provider: 'pipecat' as const } }],
    ['a channel that is off', 409, { channel: { enabled: false } }],
    ['a channel without a key', 401, { channel: { secrets: { api_key: null } } }],
    ['a node that shuts down', 503, { ready: false }],
    ['a node that is full', 503, { hasRoom: false }],
  ])('%s: refused with %i', async (_name, status, options) => {
    const door = await openDoor(options);
    await expect(door.connect(door.path('call_8'))).rejects.toThrow(`refused with ${status}`);
  });

  test('a call that has ended is not led again', async () => {
    const door = await openDoor();
    const socket = await door.connect(door.path('call_9'));
    door.details(socket, {});
    await expect.poll(() => door.answered.length, patiently).toBe(1);
    const [call] = door.answered;
    await store.calls.end(TENANT, call?.callId ?? '', {
      reason: 'caller_hangup',
      detail: null,
      at: new Date(door.clock.now()),
    });
    call?.transport.close();
    await once(socket, 'close');
    await expect(door.connect(door.path('call_9'))).rejects.toThrow('refused with 410');
  });

  test('the public URL of the socket is the one that it answers to', async () => {
    const door = await openDoor();
    const url = new URL(retellHookUrls(PUBLIC_URL, door.instanceId).llm(API_KEY));
    expect(url.protocol).toBe('wss:');
    await door.connect(`${url.pathname}/call_10`);
  });
});

type Door = Awaited<ReturnType<typeof openDoor>>;
