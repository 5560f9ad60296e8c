import { describe, expect, test } from 'vitest';
import type { CallFigures } from '#protocol/calls-summary.ts';
import { endReasonsOf, failureSeries, FAILURE_SERIES_MAX, faultyCount } from './figures.ts';

const failures = (...vendors: readonly (readonly [string, number])[]) => ({
  vendor_failures: vendors.map(([vendor, count]): CallFigures['vendor_failures'][number] => ({
    role: 'speech-to-text',
    vendor,
    failures: count,
  })),
});

describe('the reasons that calls ended for', () => {
  const figures = { end_reasons: { silence: 1, caller_hangup: 4, node_lost: 2, shutdown: 2 } };

  test('stand most frequent first', () => {
    expect(endReasonsOf(figures).map(({ reason }) => reason)).toEqual([
      'caller_hangup',
      'shutdown',
      'node_lost',
      'silence',
    ]);
  });

  test('are faulty where nobody wanted them', () => {
    expect(faultyCount(figures)).toBe(2);
    expect(faultyCount({ end_reasons: {} })).toBe(0);
  });
});

describe('the failures of vendors over time', () => {
  test('are counted for each vendor in each role, bar by bar', () => {
    const speaking = { role: 'text-to-speech', vendor: 'openai', failures: 1 } as const;
    const hearing = { role: 'speech-to-text', vendor: 'openai', failures: 3 } as const;
    const series = failureSeries({
      total: { vendor_failures: [hearing, speaking] },
      buckets: [
        { vendor_failures: [{ ...hearing, failures: 2 }] },
        { vendor_failures: [] },
        { vendor_failures: [{ ...hearing, failures: 1 }, speaking] },
      ],
    });
    expect(series).toEqual([
      { name: 'OpenAI, hearing', total: 3, counts: [2, 0, 1] },
      { name: 'OpenAI, speaking', total: 1, counts: [0, 0, 1] },
    ]);
  });

  test('of more vendors than there are colours stand together at the end, and none is lost', () => {
    const vendors = Array.from({ length: 8 }, (_, at) => [`v${at}`, 8 - at] as const);
    const series = failureSeries({
      total: failures(...vendors),
      buckets: [failures(...vendors.slice(4)), failures(...vendors.slice(0, 4))],
    });
    expect(series).toHaveLength(FAILURE_SERIES_MAX);
    expect(series.at(-1)).toEqual({ name: 'Others', total: 4 + 3 + 2 + 1, counts: [10, 0] });
    expect(series.reduce((sum, { total }) => sum + total, 0)).toBe(36);
  });

  test('are none where every vendor did its work', () => {
    expect(failureSeries({ total: failures(), buckets: [failures()] })).toEqual([]);
  });
});
