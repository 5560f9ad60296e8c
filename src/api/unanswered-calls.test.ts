import { expect, onTestFinished, test } from 'vitest';
import { newToken } from '#lib/ids.ts';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { Store } from '#store/store.ts';
import { addInstance, newCall, NOON_MS } from '#test/support/store-world.ts';
import { openTestStore } from '#test/support/store.ts';
import { createUnansweredCalls } from './unanswered-calls.ts';

const DETAIL = 'Nobody came.';

/** A call whose socket may come. `troubled` lets a store go wrong. */
async function expectedCall(troubled: (store: Store) => Store = (store) => store) {
  const clock = virtualClock(NOON_MS);
  const store = await openTestStore({ clock });
  onTestFinished(() => store.close());
  const connected = new Set<string>();
  const unanswered = createUnansweredCalls({
    store: troubled(store),
    clock,
    log: silentLog,
    isConnected: (callId) => connected.has(callId),
    detail: DETAIL,
  });
  onTestFinished(unanswered.close);
  const instance = await addInstance(store, 't');
  const call = newCall(instance);
  await store.calls.begin(call);
  const grant = { tenantId: 't', instanceId: instance.id, callId: call.id };
  const token = newToken();
  await store.mediaTokens.issue(token, grant, new Date(NOON_MS + 60_000));
  return {
    clock,
    connected,
    grant,
    unanswered,
    expectIt: () => unanswered.expect(grant, token),
    come: () => store.mediaTokens.consume(token, new Date(clock.now())),
    state: (state: 'greeting') => store.calls.setState('t', call.id, state),
    /** Why it ended, `ms` after the last look. */
    async endAfter(ms: number) {
      await clock.advance(ms);
      const { end_reason, end_detail } = (await store.calls.get('t', call.id)) ?? {};
      return end_reason && [end_reason, end_detail];
    },
  };
}

test('a call that nobody comes for ends as not answered, after three quarters of its minute', async () => {
  const { expectIt, endAfter } = await expectedCall();
  expectIt();
  expect(await endAfter(44_000)).toBeNull();
  expect(await endAfter(2_000)).toEqual(['not_answered', DETAIL]);
});

test('a call that somebody came for and that nobody leads ends some time later', async () => {
  const { expectIt, come, endAfter } = await expectedCall();
  expectIt();
  await come();
  expect(await endAfter(46_000)).toBeNull();
  expect(await endAfter(45_000)).toEqual(['not_answered', DETAIL]);
});

test.each(['connected here', 'led on another node'])('a call that is %s goes on', async (where) => {
  const { expectIt, come, connected, grant, state, endAfter } = await expectedCall();
  expectIt();
  await come();
  if (where === 'connected here') connected.add(grant.callId);
  else await state('greeting');
  expect(await endAfter(200_000)).toBeNull();
});

test('a database that is away is asked again until it answers', async () => {
  let failures = 2;
  const { expectIt, endAfter } = await expectedCall((store) => ({
    ...store,
    mediaTokens: {
      ...store.mediaTokens,
      consume: (...what) =>
        failures-- > 0 ? Promise.reject(new Error('away')) : store.mediaTokens.consume(...what),
    },
  }));
  expectIt();
  expect(await endAfter(54_000)).toBeNull();
  expect(await endAfter(2_000)).toEqual(['not_answered', DETAIL]);
});

test('a call of which it is not known whether it was stored ends if it was', async () => {
  const { unanswered, grant, endAfter } = await expectedCall();
  unanswered.giveUp({ ...grant, callId: 'never stored' });
  unanswered.giveUp(grant);
  expect(await endAfter(46_000)).toEqual(['not_answered', DETAIL]);
});

test('after the close nothing is looked after', async () => {
  const { unanswered, expectIt, endAfter } = await expectedCall();
  expectIt();
  unanswered.close();
  unanswered.giveUp({ tenantId: 't', instanceId: '', callId: '' });
  expect(await endAfter(200_000)).toBeNull();
});
