import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '#store/store.ts';
import type { Told } from '#test/contracts/transport.ts';
import { TENANT, callSidOf, openHooks, startStream, streamOf } from '#test/support/hooks.ts';
import type { HooksRig } from '#test/support/hooks.ts';
import { openTestStore } from '#test/support/store.ts';
import { openTestApi } from '#test/support/api.ts';
import { closeCodeOf } from '#test/support/media-socket.ts';
import { patiently } from '#test/support/poll.ts';

const CALL = callSidOf('1');

let store: Store;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

let rig: HooksRig;
beforeEach(async () => {
  rig = await openHooks({ store });
});
afterEach(() => rig.close());

type Parameters = Readonly<Record<string, string>>;
const ask = async (callSid = CALL): Promise<Parameters> =>
  streamOf(await rig.ask(callSid)).parameters;
const isAnswered = (count: number): Promise<void> =>
  expect.poll(() => rig.answered.length, patiently).toBe(count);
/** The close code that a stream with these parameters is refused with. */
const refusal = async (callSid: string, parameters: Parameters, from = rig): Promise<number> => {
  const socket = await from.connect();
  const closing = closeCodeOf(socket);
  startStream(socket, callSid, parameters);
  return closing;
};

describe('a media socket', () => {
  test('with its token is handed over as the call it is', async () => {
    const parameters = await ask();
    const socket = await rig.connect();
    startStream(socket, CALL, parameters);
    await isAnswered(1);
    const call = await store.calls.findByCarrierId(TENANT, rig.instanceId, CALL);
    expect(rig.answered[0]).toMatchObject({
      tenantId: TENANT,
      instanceId: rig.instanceId,
      callId: call?.id,
      callerPhone: '+15550001',
      calledPhone: '+15550100',
      carrierCallId: CALL,
    });
  });

  test('loses nothing that the caller said before somebody listened', async () => {
    const parameters = await ask();
    const socket = await rig.connect();
    startStream(socket, CALL, parameters);
    socket.send('{"event":"dtmf","dtmf":{"digit":"4"}}');
    await isAnswered(1);
    const told: Told[] = [];
    rig.answered[0]?.transport.listen({
      audio: () => undefined,
      mark: () => undefined,
      key: (digit) => void told.push({ type: 'key', digit }),
      closed: (reason) => void told.push({ type: 'closed', reason }),
    });
    await expect.poll(() => told, patiently).toEqual([{ type: 'key', digit: '4' }]);
  });

  test('without Twilio’s signature is not opened', async () => {
    await ask();
    const signedFor = 'wss://voice.example.test/elsewhere';
    await expect(rig.connect({ signedFor })).rejects.toThrow('refused with 403');
  });

  test('of an instance without a channel is not opened', async () => {
    const path = '/hooks/voice/33333333-3333-4333-8333-333333333333/stream';
    await expect(rig.connect({ path })).rejects.toThrow('refused with 404');
  });

  test('of a path that leads nowhere is not opened', async () => {
    await expect(rig.connect({ path: '/elsewhere' })).rejects.toThrow('refused with 404');
  });

  test('of a channel whose token is gone is not opened', async () => {
    await store.channels.upsert(TENANT, rig.instanceId, {
      secrets: { twilio_auth_token: null },
    });
    await expect(rig.connect()).rejects.toThrow('refused with 403');
  });

  test('signed with a slash at its end is opened', async () => {
    const path = `/hooks/voice/${rig.instanceId}/stream`;
    const socket = await rig.connect({ signedFor: `wss://voice.example.test${path}/` });
    socket.terminate();
  });
});

describe('a token', () => {
  test('that is wrong or absent is refused', async () => {
    const { token: _token, ...rest } = await ask();
    expect(await refusal(CALL, { ...rest, token: 'wrong' })).toBe(1008);
    expect(await refusal(CALL, rest)).toBe(1008);
    expect(await refusal(CALL, { ...rest, token: 'x'.repeat(4_000) })).toBe(1008);
    expect(rig.answered).toEqual([]);
  });

  test('is good once', async () => {
    const parameters = await ask();
    const socket = await rig.connect();
    startStream(socket, CALL, parameters);
    await isAnswered(1);
    expect(await refusal(CALL, parameters)).toBe(1008);
    expect(rig.answered).toHaveLength(1);
  });

  test('is good for its own call only, and used up by the attempt', async () => {
    const parameters = await ask();
    await ask(callSidOf('2'));
    expect(await refusal(callSidOf('2'), parameters)).toBe(1008);
    expect(await refusal(CALL, parameters)).toBe(1008);
    expect(rig.answered).toEqual([]);
  });

  test('of another instance is refused', async () => {
    const parameters = await ask();
    const other = await openHooks({ store });
    try {
      await other.ask(CALL);
      expect(await refusal(CALL, parameters, other)).toBe(1008);
      expect(other.answered).toEqual([]);
    } finally {
      await other.close();
    }
  });

  test('is good for a minute', async () => {
    const parameters = await ask();
    await rig.clock.advance(60_001);
    expect(await refusal(CALL, parameters)).toBe(1008);
  });

  test('of a repeated webhook does not connect a call a second time', async () => {
    const first = await ask();
    const second = await ask();
    const socket = await rig.connect();
    startStream(socket, CALL, first);
    await isAnswered(1);
    expect(await refusal(CALL, second)).toBe(1008);
    await rig.clock.advance(50_000);
    expect(rig.answered).toHaveLength(1);
  });

  test('of a call that has ended is refused', async () => {
    const parameters = await ask();
    const call = await store.calls.findByCarrierId(TENANT, rig.instanceId, CALL);
    await store.calls.end(TENANT, call?.id ?? '', {
      reason: 'caller_hangup',
      detail: null,
      at: new Date(rig.clock.now()),
    });
    expect(await refusal(CALL, parameters)).toBe(1008);
  });
});

test('closing the server does not wait for open media sockets', async () => {
  const parameters = await ask();
  const socket = await rig.connect();
  const closing = closeCodeOf(socket);
  startStream(socket, CALL, parameters);
  await isAnswered(1);
  await rig.close();
  expect(await closing).toBe(1006);
  await expect.poll(() => rig.clock.pending, patiently).toBe(0);
  rig = await openHooks({ store });
});

test('the hooks stand beside the API, which keeps its own answers and does not describe them', async () => {
  const { app, lines } = await openTestApi(store);
  const beside = await openHooks({ store, app });
  try {
    const { token } = streamOf(await beside.ask(CALL)).parameters;
    const socket = await beside.connect();
    startStream(socket, CALL, { token: token ?? '' });
    await expect.poll(() => beside.answered.length, patiently).toBe(1);
    const unsigned = await fetch(`${beside.origin}/hooks/voice/${beside.instanceId}/twiml`, {
      method: 'POST',
    });
    expect(unsigned.status).toBe(403);
    expect(await unsigned.json()).toEqual({ detail: 'The signature does not match.' });
    const unknown = await fetch(`${beside.origin}/v1/instances`);
    expect(unknown.status).toBe(401);
    const description: { paths: object } = JSON.parse(
      await (await fetch(`${beside.origin}/openapi.json`)).text(),
    );
    const described = Object.keys(description.paths);
    expect(described).toContain('/v1/instances');
    expect(described.filter((path) => path.includes('hooks'))).toEqual([]);
    expect(lines.join('')).not.toContain(token);
  } finally {
    await beside.close();
  }
});
