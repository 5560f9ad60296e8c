import { describe, expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults, faultySender } from './faults.ts';
import type { Fault } from './faults.ts';

function suffer(fault: Fault | undefined, frames: readonly string[]) {
  const clock = virtualClock();
  const seen: string[] = [];
  const send = faultySender(
    fault,
    {
      deliver: (frame) => void seen.push(frame),
      kill: () => void seen.push('<killed>'),
      silence: () => void seen.push('<silent>'),
      fail: () => void seen.push('<failed>'),
    },
    clock,
  );
  for (const frame of frames) send(frame);
  return { clock, seen, send };
}

describe('a vendor that is told to fail', () => {
  it('delivers everything as it is without a fault', () => {
    expect(suffer(undefined, ['a', 'b']).seen).toEqual(['a', 'b']);
  });

  it('dies after so many messages, and says nothing more', () => {
    expect(suffer({ kind: 'die', afterMessages: 2 }, ['a', 'b', 'c']).seen).toEqual([
      'a',
      'b',
      '<killed>',
    ]);
  });

  it('dies before its first message when that is asked', () => {
    expect(suffer({ kind: 'die', afterMessages: 0 }, ['a', 'b']).seen).toEqual(['<killed>']);
  });

  it('reports a failure of its own after so many messages', () => {
    expect(suffer({ kind: 'fail', afterMessages: 1 }, ['a', 'b']).seen).toEqual(['a', '<failed>']);
  });

  it('cuts off one message and leaves the others whole', () => {
    expect(suffer({ kind: 'garble', message: 2 }, ['{"a":1}', '{"b":2}', '{"c":3}']).seen).toEqual([
      '{"a":1}',
      '{"b',
      '{"c":3}',
    ]);
  });

  it('sends one message after the one that follows it', () => {
    expect(suffer({ kind: 'reorder', message: 1 }, ['a', 'b', 'c']).seen).toEqual(['b', 'a', 'c']);
  });

  it('falls silent', () => {
    expect(suffer({ kind: 'half-open' }, ['a', 'b']).seen).toEqual(['<silent>']);
  });

  it('holds its first message, and keeps the order of those behind it', async () => {
    const { clock, seen, send } = suffer({ kind: 'slow', delayMs: 500 }, ['a', 'b']);
    await clock.advance(499);
    expect(seen).toEqual([]);
    await clock.advance(1);
    send('c');
    expect(seen).toEqual(['a', 'b', 'c']);
  });
});

describe('faults of one vendor', () => {
  it('hit the request they were planned for, once', () => {
    const faults = createFaults();
    faults.take();
    faults.plan(2, { kind: 'limit' });
    expect([faults.take(), faults.take(), faults.take()]).toEqual([
      undefined,
      { kind: 'limit' },
      undefined,
    ]);
  });

  it('go on until they are taken back, and planned ones go before them', async () => {
    const faults = createFaults();
    await faults.set({ kind: 'refuse' });
    faults.plan(2, { kind: 'quota' });
    expect([faults.take(), faults.take(), faults.take()]).toEqual([
      { kind: 'refuse' },
      { kind: 'quota' },
      { kind: 'refuse' },
    ]);
    await faults.set(undefined);
    expect(faults.take()).toBeUndefined();
  });

  it('cannot be planned for a request that has been', () => {
    expect(() => createFaults().plan(0, { kind: 'reset' })).toThrow(RangeError);
  });
});
