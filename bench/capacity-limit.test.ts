import { expect, test } from 'vitest';
import { limitOf } from './capacity-limit.ts';
import type { Level } from './level.ts';

const level = (changes: {
  readonly p95?: number;
  readonly failedShare?: number;
  readonly callers?: number;
  readonly vendors?: number;
}): Level => {
  const { p95 = 800, failedShare = 0, callers = 2, vendors = 2 } = changes;
  const none = { count: 0, p50: 0, p95: 0, p99: 0, max: 0 };
  return {
    calls: 10,
    turns: 100,
    voiceToVoiceMs: { ...none, count: 100, p95 },
    failedShare,
    outcomes: { right: 100, late: 0, wrong: 0, silent: 0 },
    gaps: { answers: 0, ms: none },
    cpuMsPerCallSecond: 4,
    residentMb: 200,
    serverDelayMs: { p50: 1, p99: 2 },
    callersDelayMs: { p50: 1, p99: callers },
    vendorsDelayMs: { p50: 1, p99: vendors },
  };
};
const unloaded = level({});

test('a quarter more at p95 is not too slow, more than that is', () => {
  expect(limitOf(level({ p95: 1_000 }), unloaded)).toBeUndefined();
  expect(limitOf(level({ p95: 1_001 }), unloaded)?.by).toBe('latency');
});

test('one turn of two hundred may fail', () => {
  expect(limitOf(level({ failedShare: 0.005 }), unloaded)).toBeUndefined();
  expect(limitOf(level({ failedShare: 0.006 }), unloaded)?.by).toBe('failures');
});

test('late callers and late vendors are named before the server is blamed', () => {
  expect(limitOf(level({ p95: 2_000, callers: 90 }), unloaded)?.by).toBe('callers');
  expect(limitOf(level({ failedShare: 1, vendors: 90 }), unloaded)?.by).toBe('vendors');
});

test('lateness of the callers that nobody feels is no limit', () => {
  expect(limitOf(level({ callers: 90 }), unloaded)).toBeUndefined();
});

test('a level without a single answer is too slow', () => {
  expect(limitOf(level({ p95: Number.NaN }), unloaded)?.by).toBe('latency');
});
