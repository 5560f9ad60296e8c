import { spawnSync } from 'node:child_process';
import { cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { systemClock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import { DELAYS } from '../mocks/mocks.ts';
import { startHydracore } from './hydracore.ts';
import { cacheFolder } from './install.ts';
import { startLiveKit } from './livekit.ts';
import { FULL, measure, QUICK } from './measure.ts';
import { startPipecat } from './pipecat.ts';
import { isOk, measuredReport, OURS, table, withRatios } from './report.ts';
import type { PeerReport, PeersReport } from './report.ts';
import type { SystemUnderTest } from './system.ts';
import { machineClock, startWorld } from './world.ts';
import type { World } from './world.ts';

const USAGE = `Usage: npm run -s bench:peers -- [--json] [--quick] [--only NAME,…]

Measures this server beside LiveKit Agents and Pipecat, one after another, on the same simulated vendors and
by the same callers. The peers are installed on first use, into PEERS_CACHE or the user's cache folder.

  --json    one object is the only output on stdout
  --quick   some minutes instead of an hour; rough figures
  --only    of hydracore, livekit, pipecat

PEERS_LOG=1 shows what the peers write on their standard error.
`;

type Start = (world: World, core: number | undefined) => Promise<SystemUnderTest>;

const say = (sentence: string): void => void process.stderr.write(`${sentence}\n`);

/** Our own comes first: ratios are to it. */
const SYSTEMS: ReadonlyMap<string, Start> = new Map([
  ['hydracore', startHydracore],
  ['livekit', (world, core) => startLiveKit(world, core, cacheFolder(process.env), say)],
  ['pipecat', (world, core) => startPipecat(world, core, cacheFolder(process.env), say)],
]);

/** Exits 0 if our own measurement is sound (see `isOk`), 1 if not, 2 for a wrong option. */
async function main(args: readonly string[]): Promise<number> {
  const options = read(args);
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n\n${USAGE}`);
    return 2;
  }
  if (options.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  const { json = false, quick = false } = options;
  const load = loadavg()[0] ?? 0;
  const cores = pinOurselves();
  const peers: PeerReport[] = [];
  for (const name of options.names) {
    const start = SYSTEMS.get(name);
    if (start) peers.push(await measureOne(name, start, cores, quick));
  }
  const compared = withRatios(peers);
  const report: PeersReport = {
    ok: isOk(compared),
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memory_gb: Math.round(totalmem() / 2 ** 30),
      node: process.versions.node,
      load: Math.round(load * 100) / 100,
      pinned: cores !== undefined,
    },
    date: new Date().toISOString(),
    quick,
    delays_ms: { ...DELAYS },
    peers: compared,
  };
  process.stdout.write(`${json ? JSON.stringify(report) : table(report)}\n`);
  return report.ok ? 0 : 1;
}

/** In a world of its own, so that nothing is left of the one before. What cannot be started is skipped. */
async function measureOne(
  name: string,
  start: Start,
  cores: Cores | undefined,
  quick: boolean,
): Promise<PeerReport> {
  const skipped = (error: unknown): PeerReport => {
    say(`${name}: ${messageOf(error)}`);
    return {
      name: name === 'hydracore' ? OURS : name,
      status: 'skipped',
      reason: messageOf(error),
    };
  };
  const world = await startWorld(machineClock(systemClock), cores?.load);
  try {
    let system: SystemUnderTest;
    try {
      system = await start(world, cores?.server);
    } catch (error) {
      return skipped(error);
    }
    try {
      say(`${name} ${system.version}`);
      const effort = quick ? QUICK : FULL;
      const measured = await measure(system, world, effort, (what) => say(`  ${name}: ${what}`));
      return measuredReport(system, measured);
    } catch (error) {
      return skipped(error);
    } finally {
      await system.close();
    }
  } finally {
    await world.close();
  }
}

type Cores = { readonly server: number; readonly load: number };

/**
 * The server under test gets the first core to itself; we, with callers, carrier and vendors, stay on the
 * second. Undefined where that cannot be had: then everything runs where the system puts it.
 */
function pinOurselves(): Cores | undefined {
  const cores = { server: 0, load: 1 };
  if (cpus().length < 2) return undefined;
  const args = ['--all-tasks', '--cpu-list', '--pid', String(cores.load), String(process.pid)];
  return spawnSync('taskset', args, { stdio: 'ignore' }).status === 0 ? cores : undefined;
}

function read(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        json: { type: 'boolean' },
        quick: { type: 'boolean' },
        only: { type: 'string' },
        help: { type: 'boolean' },
      },
    });
    const names = values.only?.split(',') ?? [...SYSTEMS.keys()];
    const unknown = names.find((name) => !SYSTEMS.has(name));
    if (unknown !== undefined)
      return `There is no "${unknown}": --only takes ${[...SYSTEMS.keys()].join(', ')}.`;
    return { ...values, names: [...SYSTEMS.keys()].filter((name) => names.includes(name)) };
  } catch (error) {
    return messageOf(error);
  }
}

// What was started ends with us: see `startChild`.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
