import { describe, expect, test } from 'vitest';
import type { Call, CallSummary } from '#protocol/calls.ts';
import { overviewOf, percentile } from './figures.ts';

const summary = (minute: number, part: Partial<CallSummary> = {}): CallSummary => ({
  call_id: `call-${minute}`,
  instance_id: 'i',
  provider: 'pipecat',
  caller_phone: '',
  state: 'ended',
  started_at: new Date(minute * 60_000).toISOString(),
  ended_at: null,
  end_reason: 'caller_hangup',
  end_detail: null,
  duration_seconds: 90,
  turn_count: 2,
  ...part,
});
const record = (minute: number, playedMs: readonly number[]): Call => {
  const { turn_count: _count, ...call } = summary(minute);
  return {
    ...call,
    turns: playedMs.map((played, index) => ({
      index,
      role: 'agent',
      text: '',
      heard: '',
      interrupted: false,
      start_ms: 0,
      end_ms: 0,
      waterfall_ms: { played },
    })),
  };
};

describe('the figures of an overview', () => {
  const calls = [
    summary(1),
    summary(2, { end_reason: 'vendor_failure' }),
    summary(15),
    summary(16, { state: 'speaking', end_reason: null }),
    summary(25),
  ];
  const records = [record(1, [800, 900]), record(15, [1_000]), record(25, [5_000])];
  const overview = overviewOf(calls, records, { fromMs: 0, toMs: 20 * 60_000 }, 2);

  test('count the calls that began in the time, and no others', () => {
    expect(overview.callCount).toBe(4);
    expect(overview.minutes).toBe(6);
    expect(overview.buckets.map(({ callCount }) => callCount)).toEqual([2, 2]);
  });

  test('part the ends that nobody wanted', () => {
    expect(overview.buckets.map(({ faultyCount }) => faultyCount)).toEqual([1, 0]);
    expect(overview.endReasons).toEqual([
      { reason: 'caller_hangup', count: 2 },
      { reason: 'vendor_failure', count: 1 },
    ]);
  });

  test('say how soon calls were answered', () => {
    expect(overview.voiceToVoice).toEqual({ p50Ms: 900, p95Ms: 1_000, turnCount: 3 });
    expect(overview.buckets.map(({ p50Ms }) => p50Ms)).toEqual([800, 1_000]);
  });

  test('of no calls are none', () => {
    const none = overviewOf([], [], { fromMs: 0, toMs: 1 }, 1);
    expect(none).toMatchObject({ callCount: 0, minutes: 0, endReasons: [] });
    expect(none.voiceToVoice.p50Ms).toBeUndefined();
  });
});

test.each([
  [[], 0.5, undefined],
  [[3], 0.95, 3],
  [[4, 1, 3, 2], 0.5, 2],
  [[4, 1, 3, 2], 0.95, 4],
])('of %j the %f percentile is %j', (values, share, value) => {
  expect(percentile(values, share)).toBe(value);
});
