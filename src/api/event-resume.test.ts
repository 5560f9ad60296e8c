import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Turn } from '#protocol/calls.ts';
import type { LiveEvent } from '#protocol/events.ts';
import type { Instance, Store } from '#store/store.ts';
import { openTestApi } from '#test/support/api.ts';
import type { TestApi } from '#test/support/api.ts';
import { eventReader } from '#test/support/event-reader.ts';
import type { EventReader } from '#test/support/event-reader.ts';
import { addInstance, newCall, newTurn } from '#test/support/store-world.ts';
import { openTestStore } from '#test/support/store.ts';
import { notCovered } from './event-resume.ts';

/** A busy machine takes its time; a test that is right ends long before. */
const PATIENTLY = { timeout: 20_000 };
const END_OF_TIME = new Date('9999-12-31');

let store: Store;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

/** A server that is killed and started anew on the same store, and writes what it tells a little later. */
async function openNode() {
  const tenantId = crypto.randomUUID();
  const instance: Instance = await addInstance(store, tenantId);
  const { plaintextKey: apiKey } = await store.apiKeys.create(tenantId, {
    name: 'reader',
    keyType: 'test',
    scopes: ['instances:read'],
    expiresAt: null,
  });
  let unwritten: (() => Promise<unknown>)[] = [];
  let api: TestApi;
  let origin = '';
  const writeAll = async (): Promise<void> => {
    for (let write = unwritten.shift(); write; write = unwritten.shift()) await write();
  };
  const start = async (): Promise<void> => {
    api = await openTestApi(store);
    origin = await api.app.listen({ host: '127.0.0.1', port: 0 });
    api.live.settle(writeAll);
  };
  const stop = async (): Promise<void> => {
    api.app.server.closeAllConnections();
    await api.app.close();
  };
  await start();
  const tell = (event: LiveEvent): void => api.live.emit(instance.id, event);
  return {
    tenantId,
    instance,
    apiKey,
    api: () => api,
    origin: () => origin,
    writeAll,
    stop,
    async begin(): Promise<string> {
      const call = newCall(instance);
      await store.calls.begin(call);
      tell({ type: 'call-started', call_id: call.id, at_ms: 0, caller_phone: call.callerPhone });
      return call.id;
    },
    turn(callId: string, index: number): void {
      const turn: Turn = newTurn(index);
      tell({ type: 'turn', call_id: callId, at_ms: 1, turn });
      unwritten.push(() => store.calls.record(tenantId, callId, { turns: [turn], journal: [] }));
    },
    say: (callId: string, text: string) =>
      tell({ type: 'agent-text', call_id: callId, at_ms: 1, text }),
    end(callId: string): void {
      const [reason, at] = ['caller_hangup', new Date(api.clock.now())] as const;
      tell({ type: 'call-ended', call_id: callId, at_ms: 2, reason, detail: null });
      unwritten.push(() => store.calls.end(tenantId, callId, { reason, detail: null, at }));
    },
    async kill(): Promise<void> {
      unwritten = [];
      await stop();
      await store.nodes.sweep(END_OF_TIME, new Date(api.clock.now()));
      await start();
    },
    reader: (lastEventId?: string): EventReader =>
      eventReader({ instanceId: instance.id, apiKey, ...(lastEventId && { lastEventId }) }),
  };
}
type Node = Awaited<ReturnType<typeof openNode>>;

async function node(): Promise<Node> {
  const opened = await openNode();
  onTestFinished(() => opened.stop());
  return opened;
}

/** All that the reader knows is what the store holds, and nothing was told twice. */
async function expectTruth(of: Node, reader: EventReader, callIds: readonly string[]) {
  const stored = await store.calls.getMany(of.tenantId, callIds);
  const truth = Object.fromEntries(
    stored.map(({ call_id, turns, end_reason }) => [call_id, { turns, endReason: end_reason }]),
  );
  await vi.waitFor(() => expect(Object.fromEntries(reader.calls)).toEqual(truth), PATIENTLY);
  expect(reader.complaints).toEqual([]);
}

const typesOf = (reader: EventReader): readonly string[] => reader.events.map(({ type }) => type);

describe('a reader that comes back', () => {
  test('is told what it missed, once and in order', async () => {
    const on = await node();
    const reader = on.reader();
    await reader.connect(on.origin());
    const callId = await on.begin();
    await vi.waitFor(() => expect(typesOf(reader)).toEqual(['call-started']), PATIENTLY);
    await reader.disconnect();
    on.turn(callId, 0);
    on.say(callId, 'Hello');
    on.turn(callId, 1);
    await reader.connect(on.origin());
    on.end(callId);
    await on.writeAll();
    await expectTruth(on, reader, [callId]);
    expect(typesOf(reader)).toEqual(['call-started', 'turn', 'agent-text', 'turn', 'call-ended']);
  });

  test('after a kill is told what is stored, and nothing that is not', async () => {
    const on = await node();
    const reader = on.reader('0');
    await reader.connect(on.origin());
    const [cut, over] = [await on.begin(), await on.begin()];
    on.turn(cut, 0);
    on.end(over);
    await on.writeAll();
    on.turn(cut, 1);
    await vi.waitFor(() => expect(reader.calls.get(cut)?.turns).toHaveLength(2), PATIENTLY);
    await on.kill();
    const next = await on.begin();
    await reader.connect(on.origin());
    await expectTruth(on, reader, [cut, over, next]);
    expect(reader.calls.get(cut)).toEqual({ turns: [newTurn(0)], endReason: 'node_lost' });
  });

  test('is told in pieces what would be too much at once', async () => {
    const on = await node();
    const reader = on.reader();
    await reader.connect(on.origin());
    const callId = await on.begin();
    await vi.waitFor(() => expect(reader.calls.size).toBe(1), PATIENTLY);
    await reader.disconnect();
    const long = 'x'.repeat(4_000);
    for (let piece = 0; piece < 1_000; piece += 1) on.say(callId, `${piece} ${long}`);
    await reader.connect(on.origin());
    await vi.waitFor(() => expect(reader.events).toHaveLength(1_001), PATIENTLY);
    expect(reader.events.at(-1)).toMatchObject({ text: `999 ${long}` });
  });

  test('too late for what is kept is told what is stored, and goes on', async () => {
    const on = await node();
    const reader = on.reader();
    await reader.connect(on.origin());
    const callId = await on.begin();
    await vi.waitFor(() => expect(reader.calls.size).toBe(1), PATIENTLY);
    await reader.disconnect();
    on.turn(callId, 0);
    for (let piece = 0; piece < 9_000; piece += 1) on.say(callId, '.');
    await reader.connect(on.origin());
    await vi.waitFor(() => expect(typesOf(reader)).toContain('current'), PATIENTLY);
    on.turn(callId, 1);
    await on.writeAll();
    await expectTruth(on, reader, [callId]);
    expect(typesOf(reader)).toEqual(['call-started', 'reset', 'call', 'current', 'turn']);
  });

  test('says in the address what it cannot say in a header', async () => {
    const on = await node();
    const callId = await on.begin();
    const ask = (query: string, headers: Record<string, string> = {}) =>
      fetch(`${on.origin()}/v1/instances/${on.instance.id}/events?${query}`, {
        headers: { 'x-api-key': on.apiKey, ...headers },
      });
    const first = async (response: Response): Promise<string> => {
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      while (!/(?:from now on|from there on|current)/.test(text))
        text += (await reader?.read())?.value ?? '';
      await reader?.cancel();
      return text;
    };
    expect(await first(await ask('last_event_id=0'))).toContain(`"call_id":"${callId}"`);
    const known = { 'last-event-id': on.api().live.position() };
    expect(await first(await ask('last_event_id=0', known))).toContain('from there on');
    // The last moment that an id can tell, and the first.
    for (const id of ['a.1.253402300799999', 'a.1.0'])
      expect(await first(await ask(`last_event_id=${id}`))).toContain('current');
    expect(await first(await ask(''))).toContain('from now on');
    expect((await ask(`last_event_id=${'9'.repeat(201)}`)).status).toBe(422);
    expect((await ask('levels=perhaps')).status).toBe(422);
  });

  test('is asked to come later while what was told cannot be stored', async () => {
    const on = await node();
    on.api().live.settle(() => new Promise(() => undefined));
    const answer = on.reader('0').connect(on.origin());
    await vi.waitFor(() => expect(on.api().clock.pending).toBe(1), PATIENTLY);
    await on.api().clock.advance(10_000);
    expect(await answer).toBe(503);
    expect(on.api().live.subscribers).toBe(0);
  });

  test('that reads nothing is cut off, and nothing is kept for it', async () => {
    const on = await node();
    const callId = await on.begin();
    const response = await fetch(`${on.origin()}/v1/instances/${on.instance.id}/events`, {
      headers: { 'x-api-key': on.apiKey },
    });
    await vi.waitFor(() => expect(on.api().live.subscribers).toBe(1), PATIENTLY);
    const long = 'x'.repeat(100_000);
    await vi.waitFor(() => {
      on.say(callId, long);
      expect(on.api().live.subscribers).toBe(0);
    }, PATIENTLY);
    await response.body?.cancel().catch(() => undefined);
  });

  test('hears levels where it asked for them', async () => {
    const on = await node();
    const response = await fetch(
      `${on.origin()}/v1/instances/${on.instance.id}/events?levels=true`,
      { headers: { 'x-api-key': on.apiKey } },
    );
    await vi.waitFor(() => expect(on.api().live.subscribers).toBe(2), PATIENTLY);
    on.api().live.sound(on.instance.id, [{ call_id: 'c', caller_dbfs: -20, agent_dbfs: -60 }]);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('levels')) text += (await reader?.read())?.value ?? '';
    // Without an id: nobody comes back for it.
    expect(text).toContain(
      '\n\nevent: levels\ndata: {"type":"levels","calls":[{"call_id":"c","caller_dbfs":-20,"agent_dbfs":-60}]}\n\n',
    );
    await reader?.cancel();
  });

  test(
    'believes in the end what the store holds, whatever happened in whichever order',
    { timeout: 120_000 },
    async () => {
      const step = fc.oneof(
        { weight: 3, arbitrary: fc.constant({ do: 'begin' as const, which: 0 }) },
        {
          weight: 6,
          arbitrary: fc.record({
            do: fc.constantFrom('turn' as const, 'say' as const, 'end' as const),
            which: fc.nat({ max: 5 }),
          }),
        },
        {
          weight: 6,
          arbitrary: fc.record({
            do: fc.constantFrom('write' as const, 'connect' as const, 'disconnect' as const),
            which: fc.constant(0),
          }),
        },
        { weight: 1, arbitrary: fc.constant({ do: 'kill' as const, which: 0 }) },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
          const on = await openNode();
          try {
            const reader = on.reader('0');
            // Who was never told where it stands is told of live calls alone.
            await reader.connect(on.origin());
            await vi.waitFor(() => expect(reader.lastEventId).not.toBe('0'), PATIENTLY);
            let isConnected = true;
            const all: string[] = [];
            let live: { readonly id: string; turns: number }[] = [];
            const connect = async (): Promise<void> => {
              if (!isConnected) await reader.connect(on.origin());
              isConnected = true;
            };
            for (const { do: what, which } of steps) {
              const call = live[which % Math.max(1, live.length)];
              if (what === 'begin') {
                const id = await on.begin();
                all.push(id);
                live.push({ id, turns: 0 });
              } else if (what === 'turn' && call) on.turn(call.id, call.turns++);
              else if (what === 'say' && call) on.say(call.id, 'Well');
              else if (what === 'end' && call) {
                on.end(call.id);
                live = live.filter((one) => one !== call);
              } else if (what === 'write') await on.writeAll();
              else if (what === 'connect') await connect();
              else if (what === 'disconnect') {
                await reader.disconnect();
                isConnected = false;
              } else if (what === 'kill') {
                await on.kill();
                await reader.ended();
                isConnected = false;
                live = [];
              }
            }
            await on.writeAll();
            await connect();
            await expectTruth(on, reader, all);
            await reader.disconnect();
          } finally {
            await on.stop();
          }
        }),
        { numRuns: 15, interruptAfterTimeLimit: 60_000 },
      );
    },
  );
});

test('of what is kept is left out what the stored call has, with the words that led to it', () => {
  const at = { call_id: 'a', at_ms: 0 };
  const events: LiveEvent[] = [
    { type: 'agent-text', ...at, text: 'Hel' },
    { type: 'turn', ...at, turn: newTurn(0) },
    { type: 'agent-text', ...at, call_id: 'b', text: 'Other' },
    { type: 'caller-interim', ...at, text: 'And' },
    { type: 'turn', ...at, turn: newTurn(1) },
  ];
  const told = events.map((event, index) => ({ id: String(index), event }));
  const left = (count: number, hasEnded = false, change: Partial<Turn> = {}) => {
    const turns = Array.from({ length: count }, (_, index) => newTurn(index, change));
    return notCovered(told, new Map([['a', { turns, hasEnded }]])).map(({ id }) => id);
  };
  expect(left(0)).toEqual(['0', '1', '2', '3', '4']);
  expect(left(1)).toEqual(['2', '3', '4']);
  expect(left(2)).toEqual(['2']);
  expect(left(1, true)).toEqual(['2']);
  // What a provider tells of a turn may grow.
  expect(left(2, false, { text: 'turn' })).toEqual(['0', '1', '2', '3', '4']);
});
