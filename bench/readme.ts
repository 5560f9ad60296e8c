/**
 * Takes all figures anew and writes README's table of them, with the machine and the date. To be run on a
 * machine that does nothing else, which takes about two hours.
 *
 *   npm run -s bench:readme -- [--quick] [--from folder]
 *
 * --from: JSON of runs made before (latency.json, capacity.json, peers.json); what is there is not measured again.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { budgetTable, say } from './lib/output.ts';
import { withFigures } from './lib/readme-section.ts';
import { figuresTable } from './peers/report.ts';
import type { PeersReport } from './peers/report.ts';

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, from: { type: 'string' } },
});

const budgetSchema = z.object({
  name: z.string(),
  value: z.number().nullable(),
  unit: z.string(),
  budget: z.number(),
  met: z.boolean(),
});
const spreadSchema = z.object({ median: z.number(), min: z.number(), max: z.number() });
const base = { machine: z.string(), date: z.string(), budgets: z.array(budgetSchema) };
const latencySchema = z.object(base);
const capacitySchema = z.object({
  ...base,
  pinned: z.boolean(),
  calls_per_core: spreadSchema,
  limits: z.array(z.object({ by: z.string(), detail: z.string() })),
  cpu_over_relay: z.number(),
});

/** Written by our own program and read again: that it is such a report is all that can go wrong. */
const peersSchema = z.custom<PeersReport>(
  (value) => typeof value === 'object' && value !== null && 'peers' in value,
);

const root = join(import.meta.dirname, '..');
const folder = values.from ?? join(root, 'node_modules', '.cache', 'hydracore-bench');
mkdirSync(folder, { recursive: true });

const latency = latencySchema.parse(resultOf('latency'));
const capacity = capacitySchema.parse(resultOf('capacity'));
const peers = peersSchema.parse(resultOf('peers'));
const { calls_per_core: calls } = capacity;
const isServers = capacity.limits.every(({ by }) => by === 'latency' || by === 'failures');
const section = [
  budgetTable([...latency.budgets, ...capacity.budgets]),
  '',
  `${isServers ? '' : 'At least '}${calls.median} calls on one core (${calls.min} to ${calls.max}), with ${capacity.cpu_over_relay} times the CPU time of a relay that only decodes and passes on.`,
  '',
  `Beside its peers, one after another on the same machine, by the same callers, with the same words, voices and delays ([how](docs/peers.md)); × is the ratio to ours.${peers.quick ? ' From a quick run: rough, and with no more calls than the table says.' : ''}`,
  '',
  figuresTable(peers.peers),
  '',
  ...peers.peers.flatMap((peer) =>
    peer.status === 'skipped' ? [`${peer.name} was left out: ${peer.reason}`, ''] : [],
  ),
  `Measured on ${capacity.machine}${capacity.pinned ? ', the server alone on one of the processors' : ''}, ${capacity.date.slice(0, 10)}. Figures of other machines differ; how these come about is in [docs/performance.md](docs/performance.md).`,
].join('\n');
const path = join(root, 'README.md');
writeFileSync(path, withFigures(readFileSync(path, 'utf8'), section));
say('README.md has the new figures.');

/** The result of one benchmark: that of an earlier run where `--from` names one, else a new one, which is kept. */
function resultOf(name: 'latency' | 'capacity' | 'peers'): unknown {
  const file = join(folder, `${name}.json`);
  if (values.from === undefined || !existsSync(file)) {
    const program =
      name === 'peers' ? join('bench', 'peers', 'main.ts') : join('bench', `${name}.ts`);
    const args = [program, '--json', ...(values.quick ? ['--quick'] : [])];
    const { stdout } = spawnSync(process.execPath, args, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: 64 * 1024 * 1024,
    });
    // A missed condition ends with 1 and has its figures all the same.
    if (!stdout.startsWith('{')) throw new Error(`bench:${name} gave no result`);
    writeFileSync(file, stdout);
  }
  return JSON.parse(readFileSync(file, 'utf8'));
}
