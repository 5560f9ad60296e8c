import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '#lib/clock.ts';
import { cpuMsOf, residentBytesOf } from './lib/processes.ts';
import { distributionOf } from './lib/statistics.ts';
import type { Distribution } from './lib/statistics.ts';
import type { HeardTurn } from './load/caller.ts';
import type { Fleet } from './load/fleet.ts';
import type { World } from './world.ts';

/** How it goes with so many calls at a time. */
export type Level = {
  readonly calls: number;
  readonly turns: number;
  /** From the caller's last word to the first sound of the answer, at the caller's ear. */
  readonly voiceToVoiceMs: Distribution;
  /** Turns that were silent, wrong or later than 3 s, and calls that were cut, of all turns. */
  readonly failedShare: number;
  readonly outcomes: Readonly<Record<HeardTurn['outcome'], number>>;
  /** Answers in which the line ran dry, of all, and for how long it did. */
  readonly gaps: { readonly answers: number; readonly ms: Distribution };
  readonly cpuMsPerCallSecond: number;
  readonly residentMb: number;
  readonly serverDelayMs: { readonly p50: number; readonly p99: number };
  /** The same for those who must not be the limit. */
  readonly callersDelayMs: { readonly p50: number; readonly p99: number };
  readonly vendorsDelayMs: { readonly p50: number; readonly p99: number };
};

export type Measured = { readonly level: Level; readonly heard: readonly HeardTurn[] };

/** Watches the calls that are going on for some time. What came before does not count. */
export async function measureLevel(world: World, fleet: Fleet, forMs: number): Promise<Measured> {
  const { server } = world;
  fleet.take();
  await Promise.all([world.askMocks('/load'), server.eventLoopDelayMs()]);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const cpuMs = cpuMsOf(server.pid);
  const startedAtMs = performance.now();
  const calls = fleet.liveCalls;
  await systemClock.sleep(forMs);
  const seconds = (performance.now() - startedAtMs) / 1_000;
  const usedMs = cpuMsOf(server.pid) - cpuMs;
  delay.disable();
  const { turns, lost } = fleet.take();
  const vendors = await world.askMocks('/load');
  const outcomes = { right: 0, late: 0, wrong: 0, silent: 0 };
  for (const { outcome } of turns) outcomes[outcome] += 1;
  const gaps = turns.filter(({ gapsMs }) => gapsMs.length > 0);
  const level: Level = {
    calls,
    turns: turns.length,
    voiceToVoiceMs: distributionOf(turns.flatMap((turn) => voiceToVoiceMs(turn))),
    failedShare: (turns.length - outcomes.right + lost) / Math.max(1, turns.length),
    outcomes,
    gaps: { answers: gaps.length, ms: distributionOf(gaps.flatMap(({ gapsMs }) => gapsMs)) },
    cpuMsPerCallSecond: usedMs / seconds / calls,
    residentMb: residentBytesOf(server.pid) / 1e6,
    serverDelayMs: await server.eventLoopDelayMs(),
    callersDelayMs: { p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6 },
    vendorsDelayMs: vendors.eventLoopDelayMs,
  };
  return { level, heard: turns };
}

/** As a list, empty where the answer never came. */
export const voiceToVoiceMs = ({ heardAtMs, spokenAtMs }: HeardTurn): readonly number[] =>
  heardAtMs === undefined ? [] : [heardAtMs - spokenAtMs];
