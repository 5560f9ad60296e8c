import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LiveCalls } from '#contracts/live-calls.ts';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import type { ProviderName } from '#protocol/voice-channel.ts';
import { createEventBus } from '#session/event-bus.ts';
import type { Store } from '#store/store.ts';
import { openTestStore } from '#test/support/store.ts';
import { withHostedCalls } from './hosted-calls.ts';

const clock = virtualClock(Date.UTC(2026, 10, 20));
const KEY = 'key_1';

let store: Store;
let retell: Server;
let status: number;
let asked: string[];
/** The calls of this node, and what was done with them. */
let here: string[];
let done: string[];
let live: LiveCalls;
let tenantId: string;
let instanceId: string;
beforeEach(async () => {
  [status, asked, here, done] = [204, [], [], []];
  retell = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(status === 204 ? undefined : '{"status":"error","message":"no"}');
  });
  await new Promise<void>((resolve) => void retell.listen(0, '127.0.0.1', resolve));
  const address = retell.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  store = await openTestStore({ clock });
  tenantId = crypto.randomUUID();
  await store.ensureTenant(tenantId);
  const instance = await store.instances.create(tenantId, {
    name: 'agent',
    agentConfig: agentConfigSchema.parse({}),
  });
  instanceId = instance.id;
  await store.channels.upsert(tenantId, instanceId, {
    provider: 'retell',
    secrets: { api_key: KEY },
  });
  const node: LiveCalls = {
    list: () => here.map((callId) => ({ callId, state: 'speaking', turnCount: 1 })),
    count: () => here.length,
    ...createEventBus({ log: silentLog, clock }),
    settled: () => Promise.resolve(),
    watchLevels: () => () => undefined,
    say: (callId) => here.includes(callId),
    hangUp(callId) {
      if (!here.includes(callId)) return false;
      done.push(`hang up ${callId}`);
      return true;
    },
    async endAll() {
      for (const callId of here) {
        done.push(`end ${callId}`);
        await store.calls.end(tenantId, callId, {
          reason: 'channel_removed',
          detail: null,
          at: new Date(clock.now()),
        });
      }
    },
  };
  live = withHostedCalls(node, {
    store,
    retellUrl: `http://127.0.0.1:${port}`,
    clock,
    log: silentLog,
  });
});
afterEach(async () => {
  retell.closeAllConnections();
  retell.close();
  await store.close();
});

async function begin(carrierCallId: string, provider: ProviderName = 'retell'): Promise<string> {
  const id = crypto.randomUUID();
  await store.calls.begin({
    id,
    tenantId,
    instanceId,
    provider,
    carrierCallId,
    callerPhone: '+14155550199',
    calledPhone: '+14155550100',
    nodeId: 'another node',
    startedAt: new Date(clock.now()),
  });
  return id;
}
const stopOf = (carrierCallId: string): string =>
  `POST /v2/stop-call/${carrierCallId} Bearer ${KEY}`;

describe('hanging up', () => {
  test('a call of this node says goodbye, and Retell is not asked', async () => {
    const id = await begin('call_1');
    here = [id];
    expect(await live.hangUp(id)).toBe(true);
    expect(done).toEqual([`hang up ${id}`]);
    expect(asked).toEqual([]);
  });

  test('a call that Retell carries is stopped there; its end is left to be told', async () => {
    const id = await begin('call_1');
    expect(await live.hangUp(id)).toBe(true);
    expect(asked).toEqual([stopOf('call_1')]);
    expect(await store.calls.get(tenantId, id)).toMatchObject({ state: 'ringing' });
  });

  test('a call of another carrier, an ended one and an unknown one are nobody to hang up on here', async () => {
    const pipecat = await begin('CA1', 'pipecat');
    const ended = await begin('call_2');
    await store.calls.end(tenantId, ended, { reason: 'silence', detail: null, at: new Date(0) });
    for (const id of [pipecat, ended, crypto.randomUUID()])
      expect(await live.hangUp(id)).toBe(false);
    expect(asked).toEqual([]);
  });

  test.each([
    [500, 'unavailable'],
    [404, 'conflict'],
    [401, 'conflict'],
  ])('where Retell answers %d it is %s, and it was asked once', async (answer, code) => {
    const id = await begin('call_1');
    status = answer;
    await expect(live.hangUp(id)).rejects.toMatchObject({ code });
    expect(asked).toHaveLength(1);
  });
});

describe('ending all calls of an instance', () => {
  test('has those of this node say goodbye first, then stops the others at Retell', async () => {
    const [mine, other] = [await begin('call_1'), await begin('call_2')];
    here = [mine];
    await live.endAll(instanceId, 'channel_removed');
    expect(done).toEqual([`end ${mine}`]);
    expect(asked).toEqual([stopOf('call_2')]);
    for (const id of [mine, other])
      expect(await store.calls.get(tenantId, id)).toMatchObject({ end_reason: 'channel_removed' });
  });

  test('leaves none open, even if Retell is away', async () => {
    const id = await begin('call_1');
    status = 500;
    await live.endAll(instanceId, 'channel_removed');
    expect(await store.calls.get(tenantId, id)).toMatchObject({
      end_reason: 'channel_removed',
      end_detail: expect.stringContaining('not seen to hang up'),
    });
  });
});
