import { describe, expect, test } from 'vitest';
import type { JsonRecord } from '#lib/record.ts';
import type { ProviderCallChange, ProviderEvent } from '#store/provider-call-store.ts';
import {
  addInstance,
  newCall,
  newEvent,
  newTurn,
  NOON_MS,
  openWorld,
} from '#test/support/store-world.ts';
import type { OpenDatabase } from '#test/support/store-world.ts';

const at = (ms: number): Date => new Date(NOON_MS + ms);

const change = (given: Partial<ProviderCallChange> = {}): ProviderCallChange => ({
  callerPhone: '+12025550188',
  calledPhone: '+12025550123',
  startedAt: at(-5_000),
  state: 'listening',
  end: undefined,
  turns: [],
  record: undefined,
  checkAt: at(60_000),
  checks: 0,
  ...given,
});

const end = { reason: 'caller_hangup', detail: 'user_hangup', at: at(0) } as const;
const always = (given: Partial<ProviderCallChange>) => (): ProviderCallChange => change(given);

export function providerCallSuite(open: OpenDatabase): void {
  /** A call of a new tenant, known to Retell alone. */
  const setting = async () => {
    const world = await openWorld(open);
    const instance = await addInstance(world.store, 't');
    const call = { tenantId: 't', instanceId: instance.id, carrierCallId: 'call_1' };
    const add = (given: Partial<ProviderEvent> = {}, foldBy = at(5_000)): Promise<void> =>
      world.store.providerCalls.add(newEvent(call, given), foldBy);
    const fold = (given: Partial<ProviderCallChange> = {}) =>
      world.store.providerCalls.fold(call, 'node-1', always(given));
    const eventsOf = async (): Promise<readonly ProviderEvent[]> => {
      let seen: readonly ProviderEvent[] = [];
      await world.store.providerCalls.fold(call, 'node-1', (events) => {
        seen = events;
        return change();
      });
      return seen;
    };
    return { ...world, instance, call, add, fold, eventsOf };
  };

  describe('events', () => {
    test('are kept whole, and come back in one order', async () => {
      const { add, eventsOf, call } = await setting();
      const body: JsonRecord = { z: 1, a: { deep: ['é', '🙂', null, 0.1 + 0.2] }, n: 'x' };
      await add({ key: 'b', name: 'second', body });
      await add({ key: 'a', name: 'first', receivedAt: at(7) });
      const events = await eventsOf();
      expect(events).toEqual([
        newEvent(call, { key: 'a', name: 'first', receivedAt: at(7) }),
        newEvent(call, { key: 'b', name: 'second', body }),
      ]);
      expect(Object.keys(events[1]?.body ?? {})).toEqual(['z', 'a', 'n']);
    });

    test('with the same key are one: that of the highest rank, in any order', async () => {
      const { add, eventsOf } = await setting();
      const ranks = ['1.b', '2.a', '10', '1.Z', '2.a'];
      for (const rank of ranks) await add({ key: 'k', rank, body: { rank } });
      expect((await eventsOf()).map(({ body }) => body)).toEqual([{ rank: '2.a' }]);
    });

    test('that come at the same moment are all stored, the higher of two included', async () => {
      const { add, eventsOf } = await setting();
      const all = Array.from({ length: 60 }, (_, n) =>
        add({ key: `k${n % 6}`, rank: `${n + 10}` }),
      );
      await Promise.all(all);
      expect((await eventsOf()).map(({ rank }) => rank)).toEqual([
        '64',
        '65',
        '66',
        '67',
        '68',
        '69',
      ]);
    });

    test('hold what Postgres cannot, replaced', async () => {
      const { add, eventsOf } = await setting();
      await add({ body: { a: 'x\0', ['k\0']: '\ud800' } });
      expect((await eventsOf())[0]?.body).toEqual({ a: 'x\uFFFD', ['k\uFFFD']: '\uFFFD' });
    });

    test('of an instance that is gone are refused, alone', async () => {
      const { store, add, eventsOf, instance, call } = await setting();
      const gone = newEvent({ ...call, instanceId: crypto.randomUUID() });
      const results = await Promise.allSettled([
        add(),
        store.providerCalls.add(gone, at(0)),
        add({ key: 'b' }),
      ]);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(await eventsOf()).toHaveLength(2);
      await expect(
        store.providerCalls.add({ ...gone, instanceId: 'no uuid' }, at(0)),
      ).rejects.toMatchObject({ code: 'not_found' });
      expect(await store.instances.delete('t', instance.id)).toBe(true);
      await expect(add()).rejects.toMatchObject({ code: 'not_found' });
    });

    test('are due for any node when their time has come, until they are folded', async () => {
      const { store, another, add, fold, call } = await setting();
      const other = await another();
      await add({}, at(5_000));
      await store.providerCalls.add(newEvent({ ...call, carrierCallId: 'call_0' }), at(1));
      expect(await other.providerCalls.due(at(0), 9)).toEqual([]);
      expect((await other.providerCalls.due(at(5_000), 9)).map((one) => one.carrierCallId)).toEqual(
        ['call_0', 'call_1'],
      );
      expect(await other.providerCalls.due(at(5_000), 1)).toHaveLength(1);
      await fold();
      await fold();
      expect(await other.providerCalls.due(at(9e9), 9)).toMatchObject([
        { carrierCallId: 'call_0' },
      ]);
    });

    test('are due again when one is replaced by a higher one, and only then', async () => {
      const { store, add, fold } = await setting();
      await add({ rank: '2' });
      await fold();
      await add({ rank: '2' });
      await add({ rank: '1' });
      expect(await store.providerCalls.due(at(9e9), 9)).toEqual([]);
      await add({ rank: '3' });
      expect(await store.providerCalls.due(at(9e9), 9)).toHaveLength(1);
    });

    test('can be put off', async () => {
      const { store, add, call } = await setting();
      await add({}, at(0));
      await store.providerCalls.putOff(call, at(30_000));
      expect(await store.providerCalls.due(at(29_999), 9)).toEqual([]);
      expect(await store.providerCalls.due(at(30_000), 9)).toHaveLength(1);
    });
  });

  describe('a fold', () => {
    test('begins a call that is not known, and changes one that is', async () => {
      const { store, add, fold, instance } = await setting();
      await add();
      const first = await fold({ turns: [newTurn(0)] });
      expect(first?.before).toBeUndefined();
      const callId = first?.callId ?? '';
      expect(await store.calls.live('t', instance.id)).toMatchObject([
        {
          id: callId,
          callerPhone: '+12025550188',
          state: 'listening',
          startedAt: at(-5_000),
          turnCount: 1,
        },
      ]);
      const second = await fold({
        callerPhone: '',
        state: 'speaking',
        turns: [newTurn(0), newTurn(1)],
      });
      expect(second).toMatchObject({ callId, before: { id: callId, turns: [newTurn(0)] } });
      expect(await store.calls.get('t', callId)).toMatchObject({
        provider: 'retell',
        caller_phone: '+12025550188',
        state: 'speaking',
        turns: [newTurn(0), newTurn(1)],
      });
      expect(await store.calls.countLive('t', instance.id)).toBe(1);
    });

    test('ends a call, keeps its record, and may correct both', async () => {
      const { store, add, fold, instance } = await setting();
      await add();
      const callId =
        (await fold({ end, record: { call_cost: { combined_cost: 70 } } }))?.callId ?? '';
      expect(await store.calls.get('t', callId)).toMatchObject({
        state: 'ended',
        ended_at: at(0).toISOString(),
        end_reason: 'caller_hangup',
        end_detail: 'user_hangup',
        duration_seconds: 5,
        provider_record: { call_cost: { combined_cost: 70 } },
      });
      expect(await store.calls.countLive('t', instance.id)).toBe(0);
      await fold({
        end: { ...end, reason: 'transferred', at: at(2_000) },
        record: { z: 1, a: '\0' },
      });
      const call = await store.calls.get('t', callId);
      expect(call).toMatchObject({ end_reason: 'transferred', duration_seconds: 7 });
      expect(call?.provider_record).toEqual({ z: 1, a: '\uFFFD' });
    });

    test('has no record of a provider for a call that none carries', async () => {
      const { store, instance } = await setting();
      const call = newCall(instance);
      await store.calls.begin(call);
      expect(await store.calls.get('t', call.id)).not.toHaveProperty('provider_record');
    });

    test('of a call that our socket began is of that call', async () => {
      const { store, add, fold, instance, call } = await setting();
      const begun = newCall(instance, { ...call, provider: 'retell' });
      await store.calls.begin(begun);
      await add();
      expect(await fold()).toMatchObject({ callId: begun.id, before: { id: begun.id } });
      expect(await store.calls.begin({ ...begun, id: crypto.randomUUID() })).toBe(false);
    });

    test('at the same moment as our socket begins the call makes one call of the two', async () => {
      const { store, add, fold, instance, call } = await setting();
      await add();
      const begun = newCall(instance, { ...call, provider: 'retell' });
      await Promise.all([fold(), store.calls.begin(begun), fold()]);
      expect(await store.calls.countLive('t', instance.id)).toBe(1);
    });

    test('does not open a call again that our session has ended, and corrects its end', async () => {
      const { store, add, fold, instance, call } = await setting();
      const begun = newCall(instance, { ...call, provider: 'retell' });
      await store.calls.begin(begun);
      await store.calls.end('t', begun.id, { reason: 'silence', detail: null, at: at(1) });
      await add();
      await fold({ state: 'speaking' });
      expect(await store.calls.get('t', begun.id)).toMatchObject({
        state: 'ended',
        end_reason: 'silence',
      });
      const first = await fold({ end });
      const again = await fold({ end });
      for (const folded of [first, again])
        expect(folded?.before).toMatchObject({ state: 'ended', sessionEndReason: 'silence' });
      expect(await store.calls.get('t', begun.id)).toMatchObject({ end_reason: 'caller_hangup' });
    });

    test('knows why our session ended the call, though the provider told of it first', async () => {
      const { store, add, fold, instance, call } = await setting();
      const begun = newCall(instance, { ...call, provider: 'retell' });
      await store.calls.begin(begun);
      await store.providerCalls.lead('t', begun.id);
      await add();
      await fold({ end });
      expect(await store.providerCalls.due(at(9), 9)).toEqual([]);
      const late = { reason: 'channel_removed', detail: null, at: at(5) } as const;
      expect(await store.calls.end('t', begun.id, late)).toBe(false);
      expect(await store.calls.end('t', begun.id, { ...late, reason: 'silence' })).toBe(false);
      expect(await store.providerCalls.due(at(9), 9)).toEqual([call]);
      expect((await fold({ end }))?.before).toMatchObject({ sessionEndReason: 'channel_removed' });
    });

    test('that fails changes nothing, and leaves its events due', async () => {
      const { store, add, call, instance } = await setting();
      await add();
      const failing = store.providerCalls.fold(call, 'node-1', () => {
        throw new Error('cannot decide');
      });
      await expect(failing).rejects.toThrow('cannot decide');
      expect(await store.calls.live('t', instance.id)).toEqual([]);
      expect(await store.providerCalls.due(at(9e9), 9)).toHaveLength(1);
    });

    test('of a call without events is none', async () => {
      const { store, call } = await setting();
      const none = (): never => expect.unreachable();
      expect(await store.providerCalls.fold(call, 'node-1', none)).toBeUndefined();
    });
  });

  describe('a call that our session leads', () => {
    test('has the turns of the session, whatever the transcript says', async () => {
      const { store, add, fold, instance, call } = await setting();
      const begun = newCall(instance, { ...call, provider: 'retell' });
      await store.calls.begin(begun);
      await add();
      await fold({ turns: [newTurn(0, { text: 'by the transcript' })] });
      expect(await store.providerCalls.lead('t', begun.id)).toBe(0);
      expect(await store.calls.get('t', begun.id)).toMatchObject({ turns: [] });
      expect(await store.calls.live('t', instance.id)).toMatchObject([{ turnCount: 0 }]);
      const turns = [newTurn(0), newTurn(1)];
      await store.calls.record('t', begun.id, { turns, journal: [] });
      expect(await fold({ turns: [newTurn(0, { text: 'again' })] })).toMatchObject({
        before: { isLed: true },
      });
      expect(await store.calls.get('t', begun.id)).toMatchObject({ turns });
      expect(await store.calls.live('t', instance.id)).toMatchObject([{ turnCount: 2 }]);
      // As after a reconnect, on whichever node.
      expect(await store.providerCalls.lead('t', begun.id)).toBe(2);
    });

    test('is one that there is', async () => {
      const { store } = await setting();
      for (const id of [crypto.randomUUID(), 'no uuid'])
        await expect(store.providerCalls.lead('t', id)).rejects.toMatchObject({
          code: 'not_found',
        });
    });
  });

  describe('checks', () => {
    test('are claimed once, and come back after the lease', async () => {
      const { store, another, add, fold, call } = await setting();
      const other = await another();
      await add();
      await fold({ checkAt: at(10) });
      expect(await store.providerCalls.claimChecks(at(9), 1_000, 9)).toEqual([]);
      const claims = await Promise.all(
        [store, other, store].map((node) => node.providerCalls.claimChecks(at(10), 1_000, 9)),
      );
      expect(claims.flat()).toEqual([{ ...call, startedAt: at(-5_000), checks: 1 }]);
      expect(await other.providerCalls.claimChecks(at(1_009), 1_000, 9)).toEqual([]);
      expect(await other.providerCalls.claimChecks(at(1_010), 1_000, 9)).toMatchObject([
        { checks: 2 },
      ]);
      await fold({ checkAt: null });
      expect(await store.providerCalls.claimChecks(at(9e9), 1_000, 9)).toEqual([]);
    });

    test('concern a call of Retell’s that nothing was ever told of, and no other', async () => {
      const { store, instance, call } = await setting();
      await store.calls.begin(newCall(instance));
      await store.calls.begin(newCall(instance, { ...call, provider: 'retell' }));
      const due = await store.providerCalls.claimChecks(at(9e9), 1_000, 9);
      expect(due).toMatchObject([{ carrierCallId: 'call_1' }]);
    });
  });

  test('no call of Retell’s dies with a node of ours', async () => {
    const { store, add, fold, instance } = await setting();
    await add();
    await fold({ startedAt: at(-90_000) });
    await store.calls.begin(newCall(instance, { startedAt: at(-90_000) }));
    expect(await store.nodes.sweep(at(0), at(1))).toHaveLength(1);
    expect(await store.calls.live('t', instance.id)).toMatchObject([{ state: 'listening' }]);
  });

  test('nothing of it is left when its instance is deleted', async () => {
    const { store, database, add, fold, instance } = await setting();
    await add({ body: { said: 'CANARY' } });
    await fold({ record: { said: 'CANARY' }, turns: [newTurn(0)] });
    await store.instances.delete('t', instance.id);
    const setup = `set local role hydracore_app; set local hydracore.tenant_id = 't'`;
    for (const table of ['provider_events', 'provider_calls', 'calls'])
      expect(
        await database.transaction(setup, (connection) =>
          connection.query(`select count(*)::int from hydracore.${table}`, [], 'arrays'),
        ),
        table,
      ).toEqual([[0]]);
  });
}
