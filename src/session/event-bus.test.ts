import { expect, test } from 'vitest';
import { silentLog } from '#lib/log.ts';
import type { LiveEvent } from '#protocol/events.ts';
import { createEventBus } from './event-bus.ts';

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
  const bus = createEventBus(silentLog);
  const seen: string[] = [];
  const leave = bus.subscribe('one', ({ call_id }) => seen.push(call_id));
  bus.publish('one', started('a'));
  bus.publish('two', started('b'));
  leave();
  bus.publish('one', ended('a'));
  expect(seen).toEqual(['a']);
});

test('a call begins once, whoever says so, and may begin again after its end', () => {
  const bus = createEventBus(silentLog);
  const seen: string[] = [];
  bus.subscribe('one', ({ type }) => seen.push(type));
  for (const event of [started('a'), started('a'), ended('a'), started('a')])
    bus.publish('one', event);
  expect(seen).toEqual(['call-started', 'call-ended', 'call-started']);
});

test('one who watches and fails disturbs nobody', () => {
  const bus = createEventBus(silentLog);
  const seen: string[] = [];
  bus.subscribe('one', () => {
    throw new Error('broken');
  });
  bus.subscribe('one', ({ type }) => seen.push(type));
  bus.publish('one', started('a'));
  expect(seen).toEqual(['call-started']);
});
