import { spawn } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { cpuMsOf, familyOf, memoryKbOf, parentOf, usageOf } from './process-usage.ts';

describe('/proc', () => {
  const stat = '12 (a (b) c) S 7 12 12 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 100 1 1';

  test('tells CPU time and parent, whatever the process is called', () => {
    expect(cpuMsOf(stat)).toBe(3_000);
    expect(parentOf(stat)).toBe(7);
  });

  test('tells memory by its share', () => {
    expect(memoryKbOf('Rss:  900 kB\nPss:       321 kB\nPss_Dirty: 7 kB\n')).toBe(321);
    expect(memoryKbOf('')).toBe(0);
  });

  test('a family is a process with all that descend from it', () => {
    const parents = new Map([
      [2, 1],
      [3, 2],
      [4, 9],
      [5, 2],
    ]);
    expect(new Set(familyOf(2, parents))).toEqual(new Set([2, 3, 5]));
  });

  test.skipIf(process.platform !== 'linux')('counts a child in', async () => {
    const before = usageOf(process.pid);
    const child = spawn('sleep', ['60']);
    await new Promise((resolve) => child.once('spawn', resolve));
    const { processes, memoryMb } = usageOf(process.pid);
    child.kill();
    expect(processes).toBeGreaterThan(before.processes);
    expect(memoryMb).toBeGreaterThan(0);
  });
});
