import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideAnswer, endByStatus } from './hooks-policy.ts';
import type { CallFacts } from './hooks-policy.ts';

const fresh: CallFacts = {
  isResumed: false,
  known: undefined,
  isServed: true,
  isReady: true,
  hasRoom: true,
};

describe('the carrier asks about a call', () => {
  test('a new one is connected', () => expect(decideAnswer(fresh)).toBe('connect'));

  test('a new one is rejected while the channel is off, whatever else', () => {
    expect(decideAnswer({ ...fresh, isServed: false, isReady: false })).toBe('reject');
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
