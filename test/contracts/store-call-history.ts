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
}
