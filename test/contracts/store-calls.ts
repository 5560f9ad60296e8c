import { expect, test } from 'vitest';
import { newUuid } from '#lib/ids.ts';
import { NOON_MS, addInstance, newCall, newTurn } from '#test/support/store-world.ts';
import type { CallWorld } from '#test/support/store-world.ts';

const at = (afterMs: number): Date => new Date(NOON_MS + afterMs);

/** `open` gives an empty store each time. */
export function callSuite(open: () => Promise<CallWorld>): void {
  test('a repeated webhook begins no second call, whatever instance it is for', async () => {
    const { store, another } = await open();
    const one = await addInstance(store, 't');
    const two = await addInstance(store, 't');
    const other = await another();
    const call = newCall(one);
    const begun = await Promise.all(
      [store, other, store].map((node) => node.calls.begin({ ...call, id: newUuid() })),
    );
    expect(begun.filter(Boolean)).toHaveLength(1);
    expect(await store.calls.countLive('t', one.id)).toBe(1);
    const { carrierCallId } = call;
    expect(await store.calls.begin(newCall(two, { carrierCallId }))).toBe(true);
    const found = await store.calls.findByCarrierId('t', one.id, carrierCallId);
    expect(found?.ended).toBe(false);
    expect(await store.calls.findByCarrierId('t', one.id, 'CA-unknown')).toBeUndefined();
    expect(await store.calls.findByCarrierId('t', one.id, 'CA\0')).toBeUndefined();
  });

  test('a call of an instance that is not there is refused', async () => {
    const { store } = await open();
    const instance = await addInstance(store, 't');
    await expect(store.calls.begin(newCall({ ...instance, id: newUuid() }))).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  test('a live call is seen with its state and turns, and not after its end', async () => {
    const { store } = await open();
    const instance = await addInstance(store, 't');
    const call = newCall(instance);
    const later = newCall(instance, { startedAt: at(10) });
    await store.calls.begin(later);
    await store.calls.begin(call);
    await store.calls.setState('t', call.id, 'speaking');
    await store.calls.record('t', call.id, { turns: [newTurn(0), newTurn(1)], journal: [] });
    expect(await store.calls.live('t', instance.id)).toEqual([
      {
        id: call.id,
        instanceId: instance.id,
        provider: call.provider,
        carrierCallId: call.carrierCallId,
        callerPhone: call.callerPhone,
        startedAt: at(0),
        state: 'speaking',
        turnCount: 2,
      },
      {
        id: later.id,
        instanceId: instance.id,
        provider: later.provider,
        carrierCallId: later.carrierCallId,
        callerPhone: call.callerPhone,
        startedAt: at(10),
        state: 'ringing',
        turnCount: 0,
      },
    ]);
    await store.calls.end('t', call.id, { reason: 'caller_hangup', detail: null, at: at(1_000) });
    await store.calls.setState('t', call.id, 'listening');
    expect(await store.calls.countLive('t', instance.id)).toBe(1);
    expect((await store.calls.get('t', call.id))?.state).toBe('ended');
  });

  test('a call ends once, by whoever is first', async () => {
    const { store, another } = await open();
    const instance = await addInstance(store, 't');
    const call = newCall(instance);
    await store.calls.begin(call);
    const other = await another();
    const ended = await Promise.all([
      store.calls.end('t', call.id, { reason: 'agent_hangup', detail: null, at: at(5) }),
      other.calls.end('t', call.id, { reason: 'agent_hangup', detail: null, at: at(5) }),
    ]);
    expect(ended.filter(Boolean)).toHaveLength(1);
    expect(
      await store.calls.end('t', call.id, { reason: 'silence', detail: 'late', at: at(9) }),
    ).toBe(false);
    expect(await store.calls.get('t', call.id)).toMatchObject({
      end_reason: 'agent_hangup',
      end_detail: null,
      ended_at: at(5).toISOString(),
    });
    expect(await store.calls.findByCarrierId('t', instance.id, call.carrierCallId)).toEqual({
      id: call.id,
      ended: true,
    });
  });

  test('a call is answered as it was: turns in order, whole seconds, exact times', async () => {
    const { store, clock } = await open();
    const instance = await addInstance(store, 't');
    const call = newCall(instance);
    await store.calls.begin(call);
    await store.calls.record('t', call.id, { turns: [newTurn(1)], journal: [] });
    await store.calls.record('t', call.id, { turns: [newTurn(2), newTurn(0)], journal: [] });
    await clock.advance(65_999);
    const live = await store.calls.get('t', call.id);
    expect(live).toEqual({
      call_id: call.id,
      instance_id: instance.id,
      provider: 'pipecat',
      caller_phone: call.callerPhone,
      state: 'ringing',
      started_at: at(0).toISOString(),
      ended_at: null,
      end_reason: null,
      end_detail: null,
      duration_seconds: 65,
      turns: [newTurn(0), newTurn(1), newTurn(2)],
    });
    const end = { reason: 'vendor_failure', detail: 'OpenAI: 503', at: at(70_000) } as const;
    await store.calls.end('t', call.id, end);
    await clock.advance(1_000_000);
    expect(await store.calls.get('t', call.id)).toMatchObject({
      duration_seconds: 70,
      end_detail: 'OpenAI: 503',
    });
  });

  test('a turn recorded again is left as it was, and its batch is stored nevertheless', async () => {
    const { store } = await open();
    const call = newCall(await addInstance(store, 't'));
    await store.calls.begin(call);
    await store.calls.record('t', call.id, { turns: [newTurn(0)], journal: [] });
    await store.calls.record('t', call.id, {
      turns: [newTurn(0, { text: 'another', heard: '' }), newTurn(1)],
      journal: [],
    });
    expect((await store.calls.get('t', call.id))?.turns).toEqual([newTurn(0), newTurn(1)]);
  });

  test('whose a call is can be found by its id alone', async () => {
    const { store } = await open();
    const instance = await addInstance(store, 't');
    const call = newCall(instance);
    await store.calls.begin(call);
    expect(await store.calls.tenantOf(call.id)).toBe('t');
    expect(await store.calls.tenantOf(newUuid())).toBeUndefined();
    expect(await store.calls.tenantOf('no id')).toBeUndefined();
  });

  test('a journal comes back in order and exactly as written', async () => {
    const { store } = await open();
    const call = newCall(await addInstance(store, 't'));
    await store.calls.begin(call);
    const entries = [
      { z: 1, atMs: 0, a: { nested: [1, 'two', null, true] } },
      { atMs: 0.1 + 0.2, text: '"\\u0000" quoted, é, 🙂, \u0007' },
      { atMs: 20, type: 'heard' },
    ];
    await store.calls.record('t', call.id, { turns: [], journal: entries.slice(0, 2) });
    await store.calls.record('t', call.id, { turns: [], journal: entries.slice(2) });
    await store.calls.record('t', call.id, { turns: [], journal: [] });
    const stored = await store.calls.journal('t', call.id);
    expect(stored).toEqual(entries);
    expect(stored.map((entry) => Object.keys(entry))).toEqual(
      entries.map((one) => Object.keys(one)),
    );
  });

  test('what Postgres cannot hold is replaced, not refused', async () => {
    const { store } = await open();
    const call = newCall(await addInstance(store, 't'), { callerPhone: 'anon\0ymous' });
    await store.calls.begin(call);
    await store.calls.record('t', call.id, {
      turns: [newTurn(0, { text: 'a\0b\ud800c', heard: '\0' })],
      journal: [{ atMs: 1, ['k\0']: ['x\0', { deep: '\udc00' }] }],
    });
    await store.calls.end('t', call.id, { reason: 'silence', detail: '\0!', at: at(1) });
    expect(await store.calls.get('t', call.id)).toMatchObject({
      caller_phone: 'anon\uFFFDymous',
      end_detail: '\uFFFD!',
      turns: [{ text: 'a\uFFFDb\uFFFDc', heard: '\uFFFD' }],
    });
    expect(await store.calls.journal('t', call.id)).toEqual([
      { atMs: 1, ['k\uFFFD']: ['x\uFFFD', { deep: '\uFFFD' }] },
    ]);
  });

  test('recording to a call that is not there is refused, and the store works on', async () => {
    const { store } = await open();
    const call = newCall(await addInstance(store, 't'));
    const what = { turns: [newTurn(0)], journal: [] };
    for (const id of [call.id, 'no uuid'])
      await expect(store.calls.record('t', id, what)).rejects.toMatchObject({ code: 'not_found' });
    await store.calls.begin(call);
    await store.calls.record('t', call.id, what);
  });

  test('a batch that fails half-way stores nothing of itself and blocks nobody', async () => {
    const { store } = await open();
    const call = newCall(await addInstance(store, 't'));
    await store.calls.begin(call);
    const broken = newTurn(1, { index: 2 ** 40 });
    const all = await Promise.allSettled([
      store.calls.record('t', call.id, { turns: [newTurn(0), broken], journal: [{ atMs: 1 }] }),
      store.calls.setState('t', call.id, 'thinking'),
      store.calls.record('t', call.id, { turns: [newTurn(5)], journal: [] }),
    ]);
    expect(all.map((one) => one.status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(await store.calls.get('t', call.id)).toMatchObject({
      state: 'thinking',
      turns: [newTurn(5)],
    });
    expect(await store.calls.journal('t', call.id)).toEqual([]);
  });

  test('calls of dead nodes end with node_lost, once, however many nodes sweep', async () => {
    const { store, another } = await open();
    const instance = await addInstance(store, 't');
    const nodes = [store, await another(), await another()];
    await store.nodes.heartbeat('alive', at(-60_000));
    await store.nodes.heartbeat('dead', at(-60_000));
    await store.nodes.heartbeat('alive', at(0));
    await store.nodes.heartbeat('left', at(0));
    const startedAt = at(-30_000);
    const kept = newCall(instance, { nodeId: 'alive', startedAt });
    const lost = Array.from({ length: 7 }, () => newCall(instance, { nodeId: 'dead', startedAt }));
    const left = newCall(instance, { nodeId: 'left', startedAt });
    const unknownButNew = newCall(instance, { nodeId: 'unknown' });
    const ended = newCall(instance, { nodeId: 'dead', startedAt });
    for (const call of [kept, ...lost, left, unknownButNew, ended]) await store.calls.begin(call);
    await store.calls.end('t', ended.id, { reason: 'agent_hangup', detail: null, at: at(-1) });
    await store.nodes.leave('left');

    const swept = await Promise.all(nodes.map((node) => node.nodes.sweep(at(-10_000), at(1))));
    expect(
      swept
        .flat()
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual([...lost, left].map(({ id }) => id).toSorted());
    expect(swept.flat()[0]).toMatchObject({ instanceId: instance.id, startedAt });
    for (const call of [...lost, left])
      expect(await store.calls.get('t', call.id)).toMatchObject({
        state: 'ended',
        end_reason: 'node_lost',
        ended_at: at(1).toISOString(),
      });
    const live = await store.calls.live('t', instance.id);
    expect(new Set(live.map((call) => call.id))).toEqual(new Set([kept.id, unknownButNew.id]));
    expect((await store.calls.get('t', ended.id))?.end_reason).toBe('agent_hangup');
  });

  test('a media token opens once, in time, and not when guessed', async () => {
    const { store, another } = await open();
    const instance = await addInstance(store, 't');
    const grant = { tenantId: 't', instanceId: instance.id, callId: newUuid() };
    await store.mediaTokens.issue('good', grant, at(60_000));
    await store.mediaTokens.issue('stale', grant, at(60_000));
    const other = await another();
    const used = await Promise.all(
      [store, other, store, other].map((node) => node.mediaTokens.consume('good', at(59_999))),
    );
    expect(used.filter(Boolean)).toEqual([grant]);
    expect(await store.mediaTokens.consume('stale', at(60_000))).toBeUndefined();
    expect(await store.mediaTokens.consume('stale', at(0))).toBeUndefined();
    expect(await store.mediaTokens.consume('guess', at(0))).toBeUndefined();
    const stranger = { ...grant, instanceId: newUuid() };
    await expect(store.mediaTokens.issue('x', stranger, at(1))).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  test('a sweep throws expired media tokens away', async () => {
    const { store } = await open();
    const instance = await addInstance(store, 't');
    const grant = { tenantId: 't', instanceId: instance.id, callId: newUuid() };
    await store.mediaTokens.issue('old', grant, at(0));
    await store.mediaTokens.issue('new', grant, at(100));
    await store.nodes.sweep(at(-1), at(50));
    expect(await store.mediaTokens.consume('old', at(-1))).toBeUndefined();
    expect(await store.mediaTokens.consume('new', at(51))).toEqual(grant);
  });
}
