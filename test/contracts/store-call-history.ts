import { expect, test } from 'vitest';
import { newUuid } from '#lib/ids.ts';
import {
  NOON_MS,
  addInstance,
  newCall,
  newEvent,
  newTurn,
  openWorld,
} from '#test/support/store-world.ts';
import type { OpenDatabase } from '#test/support/store-world.ts';

const at = (ms: number): Date => new Date(NOON_MS + ms);
const END = { reason: 'caller_hangup', detail: null, at: at(60_000) } as const;

export function callHistorySuite(open: OpenDatabase): void {
  test('calls come newest first, and go on behind the last one shown', async () => {
    const { store } = await openWorld(open);
    const instance = await addInstance(store, 't');
    const starts = [0, 10, 10, 20, 30];
    const ids = starts.map(() => newUuid());
    for (const [index, ms] of starts.entries())
      await store.calls.begin(newCall(instance, { id: ids[index] ?? '', startedAt: at(ms) }));
    const seen: string[] = [];
    let after: { id: string; startedAt: Date } | undefined;
    for (;;) {
      const page = await store.calls.page('t', instance.id, {}, { after, limit: 2 });
      const last = page.at(-1);
      if (!last) break;
      seen.push(...page.map(({ id }) => id));
      after = last;
    }
    expect(seen).toHaveLength(5);
    expect(new Set(seen)).toEqual(new Set(ids));
    expect([seen[0], seen[1], seen[4]]).toEqual([ids[4], ids[3], ids[0]]);
    expect(await store.calls.page('other', instance.id, {}, { limit: 9 })).toEqual([]);
    expect(await store.calls.page('t', 'no id', {}, { limit: 9 })).toEqual([]);
  });

  test('an ended call is erased with everything that hangs on it; a live one stays', async () => {
    const { store } = await openWorld(open);
    const instance = await addInstance(store, 't');
    const call = newCall(instance);
    await store.calls.begin(call);
    await store.calls.record('t', call.id, {
      turns: [newTurn(0)],
      journal: [{ atMs: 0, type: 'answered' }],
    });
    expect(await store.calls.erase('t', call.id)).toBe('live');
    await store.calls.end('t', call.id, END);
    expect(await store.calls.erase('other', call.id)).toBe('not-found');
    expect(await store.calls.erase('t', call.id)).toBe('erased');
    expect(await store.calls.erase('t', call.id)).toBe('not-found');
    expect(await store.calls.erase('t', 'no id')).toBe('not-found');
    expect(await store.calls.get('t', call.id)).toBeUndefined();
    expect(await store.calls.journal('t', call.id)).toEqual([]);
  });

  test('what a provider tells of an erased call does not bring it back', async () => {
    const { store } = await openWorld(open);
    const instance = await addInstance(store, 't');
    const call = newCall(instance, { provider: 'retell', carrierCallId: 'call_1' });
    const other = { tenantId: 't', instanceId: instance.id, carrierCallId: 'call_2' };
    const told = { ...other, carrierCallId: 'call_1' };
    await store.calls.begin(call);
    await store.providerCalls.add(newEvent(told, { key: 'call_ended' }), at(0));
    await store.calls.end('t', call.id, END);
    expect(await store.calls.erase('t', call.id)).toBe('erased');
    await store.providerCalls.add(newEvent(told, { key: 'call_analyzed' }), at(0));
    await store.providerCalls.add(newEvent(other, { key: 'call_started' }), at(0));
    expect(await store.providerCalls.due(at(1), 9)).toEqual([other]);
    expect(await store.calls.page('t', instance.id, {}, { limit: 9 })).toEqual([]);
  });

  test('what is current is what is live, and what ended since a moment; as far back as it is complete', async () => {
    const { store } = await openWorld(open);
    const instance = await addInstance(store, 't');
    const [early, late, live] = [newCall(instance), newCall(instance), newCall(instance)];
    const elsewhere = newCall(await addInstance(store, 't'));
    for (const call of [early, late, live, elsewhere]) await store.calls.begin(call);
    await store.calls.end('t', early.id, { ...END, at: at(10) });
    await store.calls.end('t', late.id, { ...END, at: at(20) });
    const current = (endedSince: Date | undefined, endedMax = 9) =>
      store.calls.current('t', instance.id, { endedSince, endedMax });
    expect(await current(undefined)).toEqual({ callIds: [live.id], endedSince: undefined });
    expect(await current(at(11))).toEqual({ callIds: [late.id, live.id], endedSince: at(11) });
    const all = { callIds: [early.id, late.id, live.id], endedSince: at(10) };
    expect(await current(at(10))).toEqual(all);
    expect(await current(at(0), 1)).toEqual({ callIds: [late.id, live.id], endedSince: at(20) });
    const range = { endedSince: at(0), endedMax: 9 };
    expect((await store.calls.current('other', instance.id, range)).callIds).toEqual([]);
    expect((await store.calls.current('t', 'no id', range)).callIds).toEqual([]);
  });

  test('several calls are read at once, each with its own turns, in the order asked for', async () => {
    const { store } = await openWorld(open);
    const instance = await addInstance(store, 't');
    const calls = [newCall(instance), newCall(instance), newCall(instance)];
    for (const [index, call] of calls.entries()) {
      await store.calls.begin(call);
      await store.calls.record('t', call.id, {
        turns: Array.from({ length: index }, (_, at) => newTurn(at, { text: `${index}.${at}` })),
        journal: [],
      });
    }
    const ids = calls.map(({ id }) => id);
    const read = await store.calls.getMany('t', [...ids.toReversed(), newUuid(), 'no id']);
    expect(read.map(({ call_id: id }) => id)).toEqual(ids.toReversed());
    expect(read.map(({ turns }) => turns.map(({ text }) => text))).toEqual([
      ['2.0', '2.1'],
      ['1.0'],
      [],
    ]);
    expect(await Promise.all(ids.map((id) => store.calls.get('t', id)))).toEqual(read.toReversed());
    expect(await store.calls.getMany('other', ids)).toEqual([]);
    expect(await store.calls.getMany('t', [])).toEqual([]);
  });
}
