import { expect, test } from 'vitest';
import type { EndReason } from '#protocol/calls.ts';
import type { NewCall, Store } from '#store/store.ts';
import { addInstance, newCall, newTurn, NOON_MS, openWorld } from '#test/support/store-world.ts';
import type { OpenDatabase } from '#test/support/store-world.ts';

const MINUTE_MS = 60_000;
const at = (minute: number): Date => new Date(NOON_MS + minute * MINUTE_MS);

const NOTHING = {
  calls: 0,
  minutes: 0,
  voice_to_voice_ms: { answers: 0, p50: null, p95: null },
  end_reasons: {},
  vendor_failures: [],
};

const failed = (atMs: number, vendor: string, role = 'speech-to-text') => ({
  atMs,
  type: 'vendor-failed',
  role,
  vendor,
  message: 'The connection was closed.',
});

export function callFiguresSuite(open: OpenDatabase): void {
  test('the calls of a time are counted in all and by its parts, empty ones as well', async () => {
    const { store, add } = await openFigures(open);
    await add(0, { minutes: 2, reason: 'caller_hangup' });
    await add(9, { minutes: 1, reason: 'vendor_failure' });
    await add(25, { minutes: 0.5, reason: 'caller_hangup' });
    const { total, buckets } = await store(0, 35, 10);
    expect(total).toMatchObject({
      calls: 3,
      minutes: 3.5,
      end_reasons: { caller_hangup: 2, vendor_failure: 1 },
    });
    expect(buckets.map(({ calls }) => calls)).toEqual([2, 0, 1, 0]);
    expect(buckets.map(({ minutes }) => minutes)).toEqual([3, 0, 0.5, 0]);
    expect(buckets[1]).toEqual(NOTHING);
    expect(buckets[2]?.end_reasons).toEqual({ caller_hangup: 1 });
  });

  test('a call belongs to the part it began in: from its first moment, up to the next one’s', async () => {
    const { store, add } = await openFigures(open);
    for (const minute of [-0.001, 0, 9.999, 10, 19.999, 20]) await add(minute);
    const { total, buckets } = await store(0, 20, 10);
    expect(buckets.map(({ calls }) => calls)).toEqual([2, 2]);
    expect(total.calls).toBe(4);
  });

  test('live calls count as well, with the time they have taken until now', async () => {
    const { store, add, clock } = await openFigures(open);
    await add(0);
    await clock.advance(90_000);
    expect((await store(0, 10, 10)).total).toMatchObject({
      calls: 1,
      minutes: 1.5,
      end_reasons: {},
    });
  });

  test('voice to voice is the nearest rank over the answers that were heard, in each part and in all', async () => {
    const { store, add } = await openFigures(open);
    await add(0, { playedMs: [900, 700, 800] });
    await add(1, { playedMs: [undefined, 1_000.5] });
    await add(11, { playedMs: [5_000] });
    const { total, buckets } = await store(0, 30, 10);
    expect(buckets.map((figures) => figures.voice_to_voice_ms)).toEqual([
      { answers: 4, p50: 800, p95: 1_000.5 },
      { answers: 1, p50: 5_000, p95: 5_000 },
      { answers: 0, p50: null, p95: null },
    ]);
    expect(total.voice_to_voice_ms).toEqual({ answers: 5, p50: 900, p95: 5_000 });
  });

  test('failures of vendors are counted by role and vendor, whether another went on or not', async () => {
    const { store, add } = await openFigures(open);
    await add(0, {
      journal: [
        failed(10, 'deepgram'),
        { ...failed(20, 'deepgram'), type: 'vendor-switched', to: 'google' },
        failed(20, 'openai', 'language-model'),
        { atMs: 30, type: 'note', text: 'deepgram failed' },
        { atMs: 31, type: 'vendor-failed', role: 'landlord', vendor: 'deepgram' },
        { atMs: 32, type: 'vendor-failed', role: 'speech-to-text' },
      ],
    });
    await add(15, { journal: [failed(10, 'openai', 'language-model')] });
    await add(16, { journal: [failed(10, 'openai', 'language-model')] });
    const { total, buckets } = await store(0, 20, 10);
    expect(buckets.map((figures) => figures.vendor_failures)).toEqual([
      [
        { role: 'speech-to-text', vendor: 'deepgram', failures: 2 },
        { role: 'language-model', vendor: 'openai', failures: 1 },
      ],
      [{ role: 'language-model', vendor: 'openai', failures: 2 }],
    ]);
    expect(total.vendor_failures).toEqual([
      { role: 'language-model', vendor: 'openai', failures: 3 },
      { role: 'speech-to-text', vendor: 'deepgram', failures: 2 },
    ]);
  });

  test('of another tenant, another instance or no id there are none, and erased calls count no more', async () => {
    const { store, add, raw, instance } = await openFigures(open);
    const other = await addInstance(raw, 'other');
    const callId = await add(0, {
      reason: 'caller_hangup',
      playedMs: [800],
      journal: [failed(10, 'deepgram')],
    });
    const times = { from: at(0), until: at(10), intervalMs: 10 * MINUTE_MS };
    expect((await store(0, 10, 10)).total.calls).toBe(1);
    for (const [tenantId, instanceId] of [
      ['other', instance.id],
      ['other', other.id],
      ['t', 'no id'],
    ] as const)
      expect(await raw.calls.figures(tenantId, instanceId, times)).toEqual({
        total: NOTHING,
        buckets: [NOTHING],
      });
    await raw.calls.erase('t', callId);
    expect((await store(0, 10, 10)).total).toEqual(NOTHING);
  });
}

type Part = {
  readonly minutes?: number;
  readonly reason?: EndReason;
  readonly playedMs?: readonly (number | undefined)[];
  readonly journal?: Parameters<Store['calls']['record']>[2]['journal'];
};

/** A store with one agent, and the ways to add a call to it and to ask for its figures, in minutes. */
async function openFigures(open: OpenDatabase) {
  const { store, clock } = await openWorld(open);
  const instance = await addInstance(store, 't');
  const add = async (minute: number, part: Part = {}): Promise<string> => {
    const { minutes = 1, reason, playedMs = [], journal = [] } = part;
    const call: NewCall = newCall(instance, { startedAt: at(minute) });
    await store.calls.begin(call);
    const turns = playedMs.map((played, index) =>
      newTurn(index, { role: 'agent', waterfall_ms: played === undefined ? {} : { played } }),
    );
    await store.calls.record('t', call.id, { turns, journal });
    if (reason)
      await store.calls.end('t', call.id, { reason, detail: null, at: at(minute + minutes) });
    return call.id;
  };
  return {
    raw: store,
    clock,
    instance,
    add,
    store: (fromMinute: number, untilMinute: number, everyMinutes: number) =>
      store.calls.figures('t', instance.id, {
        from: at(fromMinute),
        until: at(untilMinute),
        intervalMs: everyMinutes * MINUTE_MS,
      }),
  };
}
