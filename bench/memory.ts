/**
 * What a live call holds: the server's memory with few and with many calls, as the kernel counts it
 * and, right after, what is alive once garbage was collected. The first is what a machine must have; the
 * difference is garbage that the collector had no reason to take yet.
 *
 *   npm run -s bench:memory -- [--json] [--few 10] [--many 60] [--seconds 40]
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { systemClock } from '#lib/clock.ts';
import { machineNow, print, say, table } from './lib/output.ts';
import { residentBytesOf } from './lib/processes.ts';
import { rounded } from './lib/statistics.ts';
import { spacedDials } from './load/dialling.ts';
import { openWorld } from './world.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    few: { type: 'string', default: '10' },
    many: { type: 'string', default: '60' },
    seconds: { type: 'string', default: '40' },
  },
});
const few = Number(values.few);
const many = Number(values.many);
const seconds = Number(values.seconds);
if (!(few > 0 && many > few && seconds > 0))
  throw new Error(
    '--few, --many and --seconds are numbers above 0, and --many is more than --few.',
  );

const COLLECT_MS = 3_000;
const usageSchema = z.object({
  heapUsed: z.number(),
  external: z.number(),
  arrayBuffers: z.number(),
});
type Sample = Readonly<Record<'resident' | 'heap' | 'buffers' | 'native', number>>;

const folder = mkdtempSync(join(tmpdir(), 'hydracore-memory-'));
const file = join(folder, 'usage.json');
process.env['MEMORY_PROBE_FILE'] = file;
const probe = join(import.meta.dirname, 'lib', 'memory-probe.mjs');
const world = await openWorld({ nodeFlags: ['--expose-gc', '--import', probe], say });
const fleet = world.fleet(true);

/** In megabytes. */
async function sampleAt(calls: number): Promise<Sample> {
  const count = calls - fleet.liveCalls;
  await spacedDials({ fleet, script: world.script, count, overMs: count * 100 });
  await systemClock.sleep(seconds * 1_000);
  const resident = residentBytesOf(world.server.pid);
  process.kill(world.server.pid, 'SIGUSR2');
  await systemClock.sleep(COLLECT_MS);
  const { heapUsed, external, arrayBuffers } = usageSchema.parse(
    JSON.parse(readFileSync(file, 'utf8')),
  );
  return {
    resident: resident / 1e6,
    heap: heapUsed / 1e6,
    buffers: arrayBuffers / 1e6,
    native: (external - arrayBuffers) / 1e6,
  };
}

const before = await sampleAt(few);
const after = await sampleAt(many);
await world.close();
rmSync(folder, { recursive: true });

const perCall = (of: keyof Sample): number => rounded((after[of] - before[of]) / (many - few), 3);
const result = {
  machine: machineNow(),
  date: new Date().toISOString(),
  calls: { few, many },
  mb_per_call: {
    resident: perCall('resident'),
    alive: rounded(perCall('heap') + perCall('buffers') + perCall('native'), 3),
    heap: perCall('heap'),
    buffers: perCall('buffers'),
    native: perCall('native'),
  },
  mb: { few: before, many: after },
};
if (values.json) print(JSON.stringify(result));
else {
  const row = (name: string, of: keyof Sample): readonly string[] => [
    name,
    before[of].toFixed(1),
    after[of].toFixed(1),
    perCall(of).toFixed(3),
  ];
  print(`${result.machine}\n`);
  print(
    table([
      ['MB', `${few} calls`, `${many} calls`, 'each call'],
      row('resident', 'resident'),
      row('alive: JavaScript objects', 'heap'),
      row('alive: buffers', 'buffers'),
      row('alive: of libraries', 'native'),
    ]),
  );
}
process.exit(0);
