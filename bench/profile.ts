/**
 * Where the server's CPU time goes under load, by thread and by function. The time of starting up is in
 * it, so a longer run tells more.
 *
 *   node bench/profile.ts [--calls 100] [--seconds 60] [--keep folder]
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { systemClock } from '#lib/clock.ts';
import { threadCpuMsOf } from './lib/processes.ts';
import { spacedDials } from './load/dialling.ts';
import { openWorld } from './world.ts';

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '60' },
    keep: { type: 'string' },
  },
});
const calls = Number(values.calls);
const seconds = Number(values.seconds);
const SETTLE_MS = 10_000;
const TOP = 45;

const profileSchema = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const print = (text: string): void => void process.stdout.write(`${text}\n`);

const folder = values.keep ?? mkdtempSync(join(tmpdir(), 'hydracore-profile-'));
const world = await openWorld({ nodeFlags: ['--cpu-prof', `--cpu-prof-dir=${folder}`], say });
await spacedDials({
  fleet: world.fleet(true),
  script: world.script,
  count: calls,
  overMs: Math.max(1_000, calls * 50),
});
await systemClock.sleep(SETTLE_MS);
const before = threadCpuMsOf(world.server.pid);
const startedAtMs = performance.now();
await systemClock.sleep(seconds * 1_000);
const callSeconds = ((performance.now() - startedAtMs) / 1_000) * calls;
const after = threadCpuMsOf(world.server.pid);
await world.close();

print(`${calls} calls for ${seconds} s; CPU ms per call-second by thread`);
for (const [name, ms] of [...after].toSorted((one, two) => two[1] - one[1])) {
  const used = (ms - (before.get(name) ?? 0)) / callSeconds;
  if (used >= 0.005) print(`  ${used.toFixed(2).padStart(6)}  ${name}`);
}
for (const file of readdirSync(folder).filter((name) => name.endsWith('.cpuprofile')))
  summarise(join(folder, file));
if (values.keep === undefined) rmSync(folder, { recursive: true });
process.exit(0);

/** The functions that took the most time themselves, of all the time that was not idle. */
function summarise(path: string): void {
  const profile = profileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  const names = new Map(
    profile.nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const place = url.replace(/^.*\/(?=(?:src|node_modules)\/)/, '');
      return [id, `${functionName || '(anonymous)'}  ${place}:${lineNumber + 1}`];
    }),
  );
  const selfUs = new Map<string, number>();
  let totalUs = 0;
  for (const [nth, id] of profile.samples.entries()) {
    const name = names.get(id) ?? '';
    const us = profile.timeDeltas[nth] ?? 0;
    if (name.startsWith('(idle)')) continue;
    totalUs += us;
    selfUs.set(name, (selfUs.get(name) ?? 0) + us);
  }
  print(`\n${path}: ${(totalUs / 1e6).toFixed(1)} s not idle`);
  const top = [...selfUs].toSorted((one, two) => two[1] - one[1]).slice(0, TOP);
  for (const [name, us] of top)
    print(`  ${((100 * us) / totalUs).toFixed(1).padStart(5)} %  ${name}`);
}
