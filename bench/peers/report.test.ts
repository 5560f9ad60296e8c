import { describe, expect, test } from 'vitest';
import { isOk, measuredReport, OURS, table, withRatios } from './report.ts';
import type { PeersReport } from './report.ts';

const single = (v2v: number, failedTurns = 0) => ({
  voiceToVoice: { p50: v2v, p95: v2v + 100, count: 30 },
  bargeIn: { p50: 200, p95: 300, count: 8 },
  turns: 30,
  failedTurns,
});
const measured = (v2v: number, cpu: number, failedTurns = 0, limitedBy = 'the server: late') => ({
  single: single(v2v, failedTurns),
  singles: [single(v2v - 20), single(v2v), single(v2v + 30)],
  truth: { unheard: 0, missing: 1.25 },
  cost: { cpuMsPerCallSecond: cpu, mbPerCall: 0.5 },
  callsUntilDegraded: 100,
  costAtMost: { cpuMsPerCallSecond: cpu / 2, mbPerCall: 0.25 },
  limitedBy,
});
const system = (name: string) => ({
  name,
  version: '1.0.0',
  pid: 1,
  settings: {},
  dial: () => undefined,
  close: () => Promise.resolve(),
});
const ours = measuredReport(system(OURS), measured(800, 4));
const peer = measuredReport(system('peer'), measured(1_000, 20));
const skipped = { name: 'absent', status: 'skipped', reason: 'npm was not found' } as const;

describe('ratios', () => {
  test('are those of each peer to us', () => {
    const [first, second, third] = withRatios([ours, peer, skipped]);
    expect(first).not.toHaveProperty('ratios');
    expect(second).toHaveProperty('ratios', {
      voice_to_voice_p50: 1.25,
      barge_in_p50: 1,
      cpu: 5,
      memory: 1,
      calls: 1,
    });
    expect(third).toEqual(skipped);
  });

  test('are left out where we were not measured', () => {
    expect(withRatios([skipped, peer])).toEqual([skipped, peer]);
    expect(withRatios([peer])).toEqual([peer]);
  });

  test('are none of a figure that is nothing', () => {
    const nothing = measuredReport(system(OURS), measured(800, 0));
    expect(withRatios([nothing, peer])[1]).toHaveProperty('ratios.cpu', null);
  });
});

test('a run is sound by our own turns, whatever became of the peers', () => {
  expect(isOk([ours, skipped])).toBe(true);
  expect(isOk([measuredReport(system(OURS), measured(800, 4, 1)), peer])).toBe(false);
  expect(isOk([{ ...skipped, name: OURS }, peer])).toBe(false);
  expect(isOk([peer])).toBe(true);
  expect(isOk([peer, skipped])).toBe(false);
});

test('the table shows each system beside us, says which limit was met, and why one is missing', () => {
  const limited = measuredReport(system('free'), measured(900, 8, 0, 'the load generator: late'));
  const report: PeersReport = {
    ok: true,
    machine: { cpu: 'CPU', cores: 2, memory_gb: 8, node: '24', load: 0.1, pinned: true },
    date: '2026-01-01',
    quick: true,
    delays_ms: {},
    peers: withRatios([ours, peer, limited, skipped]),
  };
  const text = table(report);
  const lines = text.split('\n');
  expect(new Set(lines.slice(0, 11).map((line) => line.length)).size).toBe(1);
  expect(text).toContain('1000 (980–1030) / 1100 ms (×1.25)');
  expect(text).toContain('| 100 (×1) ');
  expect(text).toContain('| 10 ms, 0.25 MB ');
  expect(text).toContain('| 100 or more (×1) ');
  expect(text).toContain('absent was skipped: npm was not found');
  expect(text).toContain('A quick run');
});
