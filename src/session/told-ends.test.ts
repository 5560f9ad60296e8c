import { expect, onTestFinished, test } from 'vitest';
import { silentLog } from '#lib/log.ts';
import { addInstance, newCall, NOON_MS } from '#test/support/store-world.ts';
import { openTestStore } from '#test/support/store.ts';
import { tellingEnds } from './told-ends.ts';

test('the end of a call that no session led is told once, when it is stored', async () => {
  const store = await openTestStore();
  onTestFinished(() => store.close());
  const told: unknown[] = [];
  const telling = tellingEnds(store, {
    publish: (instanceId, event) => told.push([instanceId, event]),
    log: silentLog,
  });
  const instance = await addInstance(store, 't');
  const [call, other] = [newCall(instance), newCall(instance)];
  await telling.calls.begin(call);
  await telling.calls.begin(other);
  const end = {
    reason: 'not_answered',
    detail: 'Nobody came.',
    at: new Date(NOON_MS + 45_000),
  } as const;
  expect(await telling.calls.end('t', call.id, end)).toBe(true);
  expect(await telling.calls.end('t', call.id, end)).toBe(false);
  await store.calls.end('t', other.id, end);
  expect(await telling.calls.end('t', other.id, end)).toBe(false);
  expect(told).toEqual([
    [
      instance.id,
      {
        type: 'call-ended',
        call_id: call.id,
        at_ms: 45_000,
        reason: 'not_answered',
        detail: 'Nobody came.',
      },
    ],
  ]);
});
