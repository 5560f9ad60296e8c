import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { JsonRecord } from '#lib/record.ts';
import { createLog } from '#lib/log.ts';
import type { Call } from '#protocol/calls.ts';
import type { LiveEvent } from '#protocol/events.ts';
import type { Instance, Store } from '#store/store.ts';
import { openTestStore } from '#test/support/store.ts';
import { addInstance, newCall, newTurn, NOON_MS } from '#test/support/store-world.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { createProviderEventWorker } from './provider-event-worker.ts';
import type { ProviderAnswer, ProviderEventWorker } from './provider-event-worker.ts';
import { readRetellEvent } from './retell/events.ts';

const SILENCE_MS = 120_000;

let clock: VirtualClock;
let store: Store;
let instance: Instance;
let of: { readonly tenantId: string; readonly instanceId: string };
let worker: ProviderEventWorker;
let published: LiveEvent[];
let asked: string[];
let answer: ProviderAnswer;
let sessions: string[];
let lines: string[];

beforeAll(async () => {
  clock = virtualClock(NOON_MS);
  store = await openTestStore({ clock });
});
afterAll(() => store.close());

beforeEach(async () => {
  published = [];
  asked = [];
  sessions = [];
  lines = [];
  answer = { kind: 'unreachable', message: 'no answer' };
  // Of its own tenant, so that nothing that another test left behind is about it.
  instance = await addInstance(store, crypto.randomUUID());
  of = { tenantId: instance.tenantId, instanceId: instance.id };
  worker = newWorker(store);
});

const newWorker = (used: Pick<Store, 'providerCalls'>): ProviderEventWorker =>
  createProviderEventWorker({
    store: used,
    clock,
    log: createLog({ level: 'trace', destination: { write: (line) => void lines.push(line) } }),
    nodeId: 'node-1',
    async ask(call) {
      if (call.instanceId !== of.instanceId) return { kind: 'unreachable', message: 'another' };
      asked.push(call.carrierCallId);
      return answer;
    },
    publish: (instanceId, event) => {
      if (instanceId === of.instanceId) published.push(event);
    },
    hasSession: (_instanceId, callId) => sessions.includes(callId),
    silenceMs: SILENCE_MS,
  });

const identity = {
  call_id: 'call_1',
  direction: 'inbound',
  from_number: '+12025550188',
  to_number: '+12025550123',
  start_timestamp: NOON_MS - 1_000,
};
const said = (role: string, content: string, end: number): JsonRecord => ({
  role,
  content,
  words: [{ word: content, start: end - 1, end }],
});
const talk = [said('agent', 'Hello.', 2), said('user', 'Hi there.', 4), said('agent', 'Bye.', 6)];
const over = {
  ...identity,
  call_status: 'ended',
  end_timestamp: NOON_MS + 6_000,
  disconnection_reason: 'agent_hangup',
  transcript_object: talk,
};
const analyzed = { ...over, call_analysis: { call_summary: 'Short.' } };

const tell = async (event: string, call: JsonRecord, more: JsonRecord = {}): Promise<void> => {
  await worker.take(of, readRetellEvent(Buffer.from(JSON.stringify({ event, call, ...more }))));
  await clock.advance(1);
};
const callId = async (): Promise<string | undefined> =>
  (await store.calls.findByCarrierId(of.tenantId, of.instanceId, 'call_1'))?.id;
const stored = async (): Promise<Call | undefined> =>
  store.calls.get(of.tenantId, (await callId()) ?? '');

describe('what Retell tells of a call', () => {
  test('is shown while it goes on, and is its record in the end', async () => {
    await tell('call_started', identity);
    expect(await stored()).toMatchObject({ state: 'greeting', caller_phone: '+12025550188' });
    for (const count of [1, 2, 3])
      await tell('transcript_updated', { ...identity, transcript_object: talk.slice(0, count) });
    expect(await stored()).toMatchObject({ state: 'speaking', turns: [{}, {}, {}] });
    await tell('call_ended', over);
    await tell('call_analyzed', analyzed);
    expect(await stored()).toMatchObject({
      state: 'ended',
      end_reason: 'agent_hangup',
      end_detail: 'agent_hangup',
      duration_seconds: 7,
      turns: [{ text: 'Hello.' }, { role: 'caller', text: 'Hi there.' }, { text: 'Bye.' }],
      provider_record: analyzed,
    });
    expect(published.map(({ type }) => type)).toEqual([
      'call-started',
      'state',
      'agent-text',
      'state',
      'turn',
      'caller-interim',
      'state',
      'turn',
      'agent-text',
      'state',
      'turn',
      'call-ended',
    ]);
    const turns = published.flatMap((event) => (event.type === 'turn' ? [event.turn.index] : []));
    expect(turns).toEqual([0, 1, 2]);
  });

  test('only at its end is one call all the same', async () => {
    await tell('call_analyzed', analyzed);
    await tell('call_started', identity);
    expect(await stored()).toMatchObject({ state: 'ended', provider_record: analyzed });
    expect(published.map(({ type }) => type)).toEqual([
      'call-started',
      'turn',
      'turn',
      'turn',
      'call-ended',
    ]);
  });

  test('is folded by another node when this one dies before that', async () => {
    const dying = newWorker({
      providerCalls: { ...store.providerCalls, fold: () => new Promise(() => undefined) },
    });
    void dying.take(
      of,
      readRetellEvent(Buffer.from(JSON.stringify({ event: 'x', call: identity }))),
    );
    await clock.advance(4_000);
    await worker.runDue();
    expect(await stored()).toBeUndefined();
    await clock.advance(1_000);
    await worker.runDue();
    expect(await stored()).toMatchObject({ state: 'ringing' });
  });

  test('is tried again where it could not be folded, and named in no log', async () => {
    let isBroken = true;
    worker = newWorker({
      providerCalls: {
        ...store.providerCalls,
        fold: (...given) =>
          isBroken ? Promise.reject(new Error('CANARY')) : store.providerCalls.fold(...given),
      },
    });
    await tell('call_started', { ...identity, metadata: 'CANARY' });
    isBroken = false;
    await clock.advance(29_000);
    await worker.runDue();
    expect(await stored()).toBeUndefined();
    await clock.advance(1_000);
    await worker.runDue();
    expect(await stored()).toMatchObject({ state: 'greeting' });
    expect(lines.join('')).toContain('could not be folded yet');
    expect(lines.join('')).not.toContain('CANARY');
  });

  test('is folded once it has started, if it was left behind', async () => {
    await store.providerCalls.add(
      {
        ...of,
        carrierCallId: 'call_1',
        key: 'k',
        rank: '1',
        name: 'call_started',
        body: { call: identity },
        receivedAt: new Date(clock.now()),
      },
      new Date(clock.now()),
    );
    worker.start();
    await clock.advance(10);
    await worker.stop();
    expect(await stored()).toMatchObject({ state: 'greeting' });
  });
});

describe('a call that our session leads', () => {
  const begin = async (): Promise<string> => {
    const call = newCall(instance, { provider: 'retell', carrierCallId: 'call_1' });
    await store.calls.begin(call);
    await store.providerCalls.lead(of.tenantId, call.id);
    await store.calls.record(of.tenantId, call.id, { turns: [newTurn(0)], journal: [] });
    return call.id;
  };

  test('keeps its turns and tells of itself; Retell’s end counts', async () => {
    sessions = [await begin()];
    await tell('call_started', identity);
    await tell('transcript_updated', { ...identity, transcript_object: talk });
    await tell('call_ended', over);
    expect(await stored()).toMatchObject({
      turns: [newTurn(0)],
      ended_at: new Date(NOON_MS + 6_000).toISOString(),
    });
    expect(published).toEqual([]);
  });

  test('and whose session is gone has its end told by the event', async () => {
    await begin();
    await tell('call_ended', over);
    expect(published).toMatchObject([{ type: 'call-ended', reason: 'agent_hangup', at_ms: 7_000 }]);
  });

  test('keeps the session’s reason where Retell saw no more than that we hung up', async () => {
    const id = await begin();
    const end = { reason: 'vendor_failure', detail: 'x', at: new Date(NOON_MS) } as const;
    await store.calls.end(of.tenantId, id, end);
    await tell('call_ended', over);
    await tell('call_analyzed', analyzed);
    expect(await stored()).toMatchObject({
      end_reason: 'vendor_failure',
      end_detail: 'agent_hangup',
      ended_at: new Date(NOON_MS + 6_000).toISOString(),
    });
    expect(published).toEqual([]);
  });
});

describe('a call that nothing is heard of', () => {
  const silence = async (): Promise<void> => {
    await clock.advance(SILENCE_MS);
    await worker.runDue();
  };

  test('is asked about, and ends as Retell has it', async () => {
    await tell('call_started', identity);
    await worker.runDue();
    expect(asked).toEqual([]);
    answer = { kind: 'found', call: { ...identity, call_status: 'ongoing' } };
    await silence();
    expect(asked).toEqual(['call_1']);
    expect(await stored()).toMatchObject({ state: 'greeting' });
    answer = { kind: 'found', call: { ...analyzed } };
    await silence();
    expect(await stored()).toMatchObject({ state: 'ended', provider_record: analyzed });
    await silence();
    expect(asked).toHaveLength(2);
  });

  test('is not asked about while Retell tells of it, and is after a restart', async () => {
    await tell('call_started', identity);
    await clock.advance(SILENCE_MS - 10);
    await tell('transcript_updated', { ...identity, transcript_object: talk });
    await clock.advance(1_000);
    await worker.runDue();
    expect(asked).toEqual([]);
    worker = newWorker(store);
    await silence();
    expect(asked).toEqual(['call_1']);
  });

  test('is asked about for its analysis, less and less often, and not for ever', async () => {
    await tell('call_ended', over);
    answer = { kind: 'found', call: over };
    for (let minutes = 0; minutes < 240; minutes += 2) await silence();
    expect(asked.length).toBeGreaterThan(2);
    expect(asked.length).toBeLessThan(8);
  });

  test('and that Retell does not have, is given up with a reason', async () => {
    await tell('call_started', identity);
    answer = { kind: 'not-found' };
    await silence();
    expect(await stored()).toMatchObject({ state: 'ended', end_reason: 'transport_lost' });
    await silence();
    expect(asked).toHaveLength(1);
  });

  test('and whose channel is gone, ends with it', async () => {
    await tell('call_started', identity);
    answer = { kind: 'no-channel' };
    await silence();
    expect(await stored()).toMatchObject({ end_reason: 'channel_removed' });
  });

  test('is asked about again while Retell is away, but not beyond the longest of calls', async () => {
    await tell('call_started', identity);
    for (let minutes = 0; minutes <= 182; minutes += 2) {
      expect((await stored())?.state).toBe('greeting');
      await silence();
      if (minutes < 176) expect(asked).toHaveLength(minutes / 2 + 1);
      if ((await stored())?.state === 'ended') break;
    }
    expect(await stored()).toMatchObject({ state: 'ended', end_reason: 'transport_lost' });
  });
});
