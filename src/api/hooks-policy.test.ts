import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideAnswer, decideInbound, endByStatus } from './hooks-policy.ts';
import type { CallFacts } from './hooks-policy.ts';

const fresh: CallFacts = {
  isResumed: false,
  known: undefined,
  isServed: true,
  isOpen: true,
  isReady: true,
  hasRoom: true,
};

describe('the carrier asks about a call', () => {
  test('a new one is connected', () => expect(decideAnswer(fresh)).toBe('connect'));

  test('a new one is rejected while the channel is off, whatever else', () => {
    expect(decideAnswer({ ...fresh, isServed: false, isReady: false })).toBe('reject');
  });

  test('a new one is told that we are closed, outside business hours, if the channel is on', () => {
    expect(decideAnswer({ ...fresh, isOpen: false, hasRoom: false })).toBe('closed');
    expect(decideAnswer({ ...fresh, isOpen: false, isServed: false })).toBe('reject');
  });

  test('an open one goes on when business hours end', () => {
    expect(decideAnswer({ ...fresh, isOpen: false, known: { ended: false } })).toBe('connect');
  });

  test('a new one is asked to call again while we shut down or are full', () => {
    expect(decideAnswer({ ...fresh, isReady: false })).toBe('call-again');
    expect(decideAnswer({ ...fresh, hasRoom: false })).toBe('call-again');
  });

  test('a repeated question about an open call connects it, even if we are full by now', () => {
    const known = { ended: false };
    expect(decideAnswer({ ...fresh, known, hasRoom: false })).toBe('connect');
  });

  test('an open call whose stream has ended is lost', () => {
    expect(decideAnswer({ ...fresh, isResumed: true, known: { ended: false } })).toBe('lost');
  });

  test('a call that has ended, or that nobody knows, is hung up when its stream is over', () => {
    expect(decideAnswer({ ...fresh, isResumed: true, known: { ended: true } })).toBe('hang-up');
    expect(decideAnswer({ ...fresh, isResumed: true })).toBe('hang-up');
  });

  test('a call that has ended is never connected again', () => {
    fc.assert(
      fc.property(fc.record({ isResumed: fc.boolean(), isServed: fc.boolean() }), (facts) => {
        expect(decideAnswer({ ...fresh, ...facts, known: { ended: true } })).toBe('hang-up');
      }),
    );
  });
});

describe('a provider that hosts the sound asks about a call', () => {
  const led = { ...fresh, isLedByUs: true };

  test('it is taken while the channel is on, open and has room', () =>
    expect(decideInbound(led)).toBe('take'));

  test('it is refused while the channel is off or closed, whoever leads it', () => {
    for (const isLedByUs of [true, false]) {
      expect(decideInbound({ ...led, isLedByUs, isServed: false })).toBe('off');
      expect(decideInbound({ ...led, isLedByUs, isOpen: false })).toBe('closed');
    }
  });

  test('it is refused for want of room where it needs us, and only there', () => {
    for (const lack of [{ isReady: false }, { hasRoom: false }]) {
      expect(decideInbound({ ...led, ...lack })).toBe('no-room');
      expect(decideInbound({ ...led, ...lack, isLedByUs: false })).toBe('take');
    }
  });
});

describe('the carrier reports a status', () => {
  test.each(['busy', 'no-answer', 'canceled', 'failed'])('%s means not answered', (status) => {
    expect(endByStatus(status, false)).toMatchObject({ reason: 'not_answered' });
  });

  test('completed means that the caller hung up', () => {
    expect(endByStatus('completed', true)?.reason).toBe('caller_hangup');
    expect(endByStatus('completed', false)?.reason).toBe('caller_hangup');
  });

  test.each(['ringing', 'in-progress', 'queued', '', 'newcomer'])('"%s" ends nothing', (status) => {
    expect(endByStatus(status, true)).toBeUndefined();
  });
});
