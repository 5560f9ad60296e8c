import { expect, test } from 'vitest';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { LiveEvent } from '#protocol/events.ts';
import { createEventBus } from './event-bus.ts';

const NOON_MS = Date.UTC(2026, 10, 20, 12);
const started = (callId: string): LiveEvent => ({
  type: 'call-started',
  call_id: callId,
  at_ms: 0,
  caller_phone: '+12025550188',
});
const ended = (callId: string): LiveEvent => ({
  type: 'call-ended',
  call_id: callId,
  at_ms: 9,
  reason: 'caller_hangup',
  detail: null,
});

test('events reach those who watch the instance, until they leave', () => {
  const bus = createEventBus({ log: silentLog, clock: virtualClock(NOON_MS) });
  const seen: string[] = [];
  const leave = bus.subscribe('one', ({ call_id }) => seen.push(call_id));
  bus.publish('one', started('a'));
  bus.publish('two', started('b'));
  leave();
  bus.publish('one', ended('a'));
  expect(seen).toEqual(['a']);
});

test('a call begins and ends once, whoever says so, and may begin again after its end', () => {
  const bus = createEventBus({ log: silentLog, clock: virtualClock(NOON_MS) });
  const seen: string[] = [];
  bus.subscribe('one', ({ type }) => seen.push(type));
  for (const event of [started('a'), started('a'), ended('a'), ended('a'), started('a')])
    bus.publish('one', event);
  expect(seen).toEqual(['call-started', 'call-ended', 'call-started']);
});

test('one who watches and fails disturbs nobody', () => {
  const bus = createEventBus({ log: silentLog, clock: virtualClock(NOON_MS) });
  const seen: string[] = [];
  bus.subscribe('one', () => {
    throw new Error('broken');
  });
  bus.subscribe('one', ({ type }) => seen.push(type));
  bus.publish('one', started('a'));
  expect(seen).toEqual(['call-started']);
});

const idsAfter = (bus: ReturnType<typeof createEventBus>, instanceId: string, id: string) => {
  const told = bus.since(instanceId, id);
  return told.is === 'known' ? told.events.map(({ event }) => event.call_id) : told;
};

test('who comes back with the id of an event is told what came after it, of that instance', () => {
  const bus = createEventBus({ log: silentLog, clock: virtualClock(NOON_MS) });
  const ids: string[] = [bus.position()];
  bus.subscribe('one', (_event, id) => ids.push(id));
  for (const [instanceId, callId] of [
    ['one', 'a'],
    ['two', 'b'],
    ['one', 'c'],
    ['one', 'd'],
  ] as const)
    bus.publish(instanceId, started(callId));
  expect(ids.map((id) => idsAfter(bus, 'one', id))).toEqual([
    ['a', 'c', 'd'],
    ['c', 'd'],
    ['d'],
    [],
  ]);
  expect(idsAfter(bus, 'two', ids[0] ?? '')).toEqual(['b']);
  expect(idsAfter(bus, 'one', bus.position())).toEqual([]);
});

test('an id of another node, of the future or too long ago is unknown, but tells its time', () => {
  const clock = virtualClock(NOON_MS);
  const [bus, other] = [
    createEventBus({ log: silentLog, clock }),
    createEventBus({ log: silentLog, clock }),
  ];
  const first = bus.position();
  const unknown = { is: 'unknown', toldAtMs: NOON_MS };
  expect(other.since('one', first)).toEqual(unknown);
  expect(bus.since('one', first.replace('.0.', '.1.'))).toEqual(unknown);
  for (let count = 0; count < 8_192; count += 1) bus.publish('one', ended(`call ${count}`));
  expect(idsAfter(bus, 'one', first)).toHaveLength(8_192);
  bus.publish('two', ended('a'));
  expect(bus.since('one', first)).toEqual(unknown);
});

test('what is nobody’s id has no time', () => {
  const bus = createEventBus({ log: silentLog, clock: virtualClock(NOON_MS) });
  for (const id of ['', '0', 'a.b.c', 'a.1.99999999999999999', 'a.1.9999999999999999', 'a\n.1.1'])
    expect(bus.since('one', id)).toEqual({ is: 'unknown', toldAtMs: undefined });
});

test('a call that was erased is told to nobody any more', () => {
  const bus = createEventBus({ log: silentLog, clock: virtualClock(NOON_MS) });
  const first = bus.position();
  for (const event of [started('a'), started('b'), ended('a')]) bus.publish('one', event);
  bus.forget('a');
  expect(idsAfter(bus, 'one', first)).toEqual(['b']);
});
