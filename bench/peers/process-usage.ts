import { readdirSync, readFileSync } from 'node:fs';

/** What a process and its descendants have used. */
export type Usage = {
  /** Since they began, user and system; of those that live. */
  readonly cpuMs: number;
  /** Proportional set size: shared pages count by their share. */
  readonly memoryMb: number;
  readonly processes: number;
};

/** Linux counts CPU time in hundredths of a second, whatever its kernel was built with (`USER_HZ`). */
const TICK_MS = 10;

/** Reads `/proc`; throws where there is none. */
export function usageOf(pid: number): Usage {
  const pids = familyOf(pid, parents());
  let cpuMs = 0;
  let memoryKb = 0;
  for (const one of pids) {
    // A process may have ended since it was listed.
    const stat = read(`/proc/${one}/stat`);
    if (stat === undefined) continue;
    cpuMs += cpuMsOf(stat);
    memoryKb += memoryKbOf(read(`/proc/${one}/smaps_rollup`) ?? '');
  }
  return { cpuMs, memoryMb: memoryKb / 1_024, processes: pids.length };
}

/** From the text of `/proc/PID/stat`. The name in parentheses may hold anything, also parentheses. */
export function cpuMsOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * TICK_MS;
}

export const parentOf = (stat: string): number =>
  Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);

/** From the text of `/proc/PID/smaps_rollup`. */
export const memoryKbOf = (smaps: string): number =>
  Number(/^Pss:\s+(\d+) kB$/m.exec(smaps)?.[1] ?? 0);

/** A process and everything that descends from it. */
export function familyOf(pid: number, parentByPid: ReadonlyMap<number, number>): readonly number[] {
  const family = [pid];
  for (const member of family)
    for (const [child, parent] of parentByPid) if (parent === member) family.push(child);
  return family;
}

function parents(): ReadonlyMap<number, number> {
  const parentByPid = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    if (stat !== undefined) parentByPid.set(Number(name), parentOf(stat));
  }
  return parentByPid;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
