import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { PGlite } from '@electric-sql/pglite';
import { z } from 'zod';
import { systemClock } from '#lib/clock.ts';
import { newToken, newUuid } from '#lib/ids.ts';
import type { Call } from '#protocol/calls.ts';
import { voiceStatusSchema } from '#protocol/voice-channel.ts';
import { bearerToken, ownerAt } from '#sandbox/demo/owner.ts';
import type { Owner } from '#sandbox/demo/owner.ts';
import { startServerProcess } from '#sandbox/demo/server-process.ts';
import type { ServerProcess } from '#sandbox/demo/server-process.ts';
import { createRandom } from '#sandbox/lib/random.ts';
import { planStorm } from './plan.ts';
import type { Delivery } from './plan.ts';
import { startStormRetell } from './retell.ts';
import type { Delivered, StormRetell } from './retell.ts';
import { tellStory } from './story.ts';
import type { Story } from './story.ts';

export type StormOptions = {
  readonly calls: number;
  /** Webhooks, repeated and forged ones included; retries are not counted. */
  readonly events: number;
  /** How often the server is killed and started again meanwhile. */
  readonly kills: number;
  readonly seed: number;
  /** From the first webhook to the last. */
  readonly lengthMs: number;
  readonly onProgress?: (line: string) => void;
};

export type StormReport = {
  readonly ok: boolean;
  readonly calls: number;
  /** Calls whose record is not what was told of them, and records of calls that there were not. */
  readonly wrong_records: number;
  /** Forged webhooks that were answered as if they were right. */
  readonly forged_accepted: number;
  /** Of answers to right webhooks, by the clock of the sender. */
  readonly p99_answer_ms: number;
  readonly p50_answer_ms: number;
  readonly events: number;
  readonly forged: number;
  readonly kills: number;
  /** Webhooks of which no attempt got through: what they told is learnt by asking. */
  readonly lost_deliveries: number;
  /** How often Retell was asked for a call. */
  readonly asked: number;
  readonly seed: number;
  /** What is wrong with the first few calls. */
  readonly wrong: readonly string[];
};

const SILENCE_SECONDS = 10;
/** How long after the last webhook the records may take: what got lost is asked for after a silence. */
const SETTLE_LIMIT_MS = 240_000;

/** A storm of Retell's webhooks over a real server process on a database of its own. */
export async function runStorm(options: StormOptions): Promise<StormReport> {
  const { onProgress = () => undefined } = options;
  await using opened = new AsyncDisposableStack();
  const retell = opened.adopt(await startStormRetell(systemClock), (running) => running.close());
  const random = createRandom(options.seed);
  const startMs = Math.round(systemClock.now()) - 600_000;
  const stories = Array.from({ length: options.calls }, (_, index) =>
    tellStory(random, index, startMs + random.int(0, 300_000)),
  );
  const plan = planStorm(random, stories, { count: options.events, lengthMs: options.lengthMs });

  const server = opened.adopt(await openServer(retell), (running) => running.close());
  const instanceId = await setUp(server.owner, retell);
  onProgress(`${plan.length} webhooks of ${stories.length} calls, seed ${options.seed}`);

  const killing = killDuring(server, options, onProgress);
  const url = (): string => `${server.origin()}/hooks/voice/${instanceId}`;
  const delivered = await sendAll(retell, plan, url, onProgress);
  await killing;
  const wrong = await judge(server, instanceId, stories, onProgress);

  const outcome = plan.map((delivery, index) => ({ delivery, result: delivered[index] }));
  const right = outcome.filter(({ delivery }) => delivery.sign === 'right');
  const forged = outcome.filter(({ delivery }) => delivery.sign !== 'right');
  const isTaken = (result: Delivered | undefined): boolean => (result?.status ?? 999) < 300;
  const answers = right.flatMap(({ result }) => result?.answerMs ?? []).toSorted((a, b) => a - b);
  const forgedAccepted = forged.filter(({ result }) => isTaken(result)).length;
  return {
    ok: wrong.length === 0 && forgedAccepted === 0,
    calls: stories.length,
    wrong_records: wrong.length,
    forged_accepted: forgedAccepted,
    p99_answer_ms: percentile(answers, 0.99),
    p50_answer_ms: percentile(answers, 0.5),
    events: plan.length,
    forged: forged.length,
    kills: options.kills,
    lost_deliveries: right.filter(({ result }) => !isTaken(result)).length,
    asked: retell.asked,
    seed: options.seed,
    wrong: wrong.slice(0, 10),
  };
}

const percentile = (sorted: readonly number[], share: number): number =>
  Math.round((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) * 10) / 10;

type StormServer = {
  readonly owner: Owner;
  origin(): string;
  /** As a power cut would, but for what the disk has; then started again on the same folder. */
  killAndRestart(): Promise<void>;
  /** What the API says of every stored call, by Retell's id. The server is started anew for that. */
  recordsByRetellId(): Promise<ReadonlyMap<string, Call>>;
  close(): Promise<void>;
};

async function openServer(retell: StormRetell): Promise<StormServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'hydracore-storm-'));
  const remove = (): void => rmSync(dataDir, { recursive: true, force: true });
  process.once('exit', remove);
  const jwtSecret = newToken(48);
  const env = {
    HOST: '127.0.0.1',
    PORT: '0',
    PUBLIC_URL: 'https://voice.example.test',
    DATABASE_URL: '',
    JWKS_URL: '',
    DATA_DIR: dataDir,
    JWT_SECRET: jwtSecret,
    MASTER_KEY: randomBytes(32).toString('base64'),
    LOG_LEVEL: 'error',
    DRAIN_SECONDS: '1',
    RETELL_URL: retell.origin,
    RETELL_SILENCE_SECONDS: String(SILENCE_SECONDS),
  };
  const start = (): Promise<ServerProcess> => startServerProcess({ env });
  let running = await start();
  const authorization = await bearerToken(jwtSecret, newUuid());
  const owner = ownerAt(() => running.origin, { authorization });

  return {
    owner,
    origin: () => running.origin,
    async killAndRestart() {
      process.kill(running.pid, 'SIGKILL');
      await running.exited;
      running = await start();
    },
    async recordsByRetellId() {
      await running.stop();
      const ids = await callIds(dataDir);
      running = await start();
      const records = new Map<string, Call>();
      for (const [retellId, callId] of ids) records.set(retellId, await owner.call(callId));
      return records;
    },
    async close() {
      await running.stop();
      remove();
      process.off('exit', remove);
    },
  };
}

/** Which call of ours is which of Retell's: the API does not tell of calls that are over. */
async function callIds(dataDir: string): Promise<ReadonlyMap<string, string>> {
  const pglite = await PGlite.create(join(dataDir, 'database'));
  try {
    const { rows } = await pglite.query('select carrier_call_id, id from hydracore.calls');
    const read = z.object({ carrier_call_id: z.string(), id: z.string() }).array().parse(rows);
    if (new Set(read.map((row) => row.carrier_call_id)).size < read.length)
      throw new Error('a call is stored twice');
    return new Map(read.map((row) => [row.carrier_call_id, row.id]));
  } finally {
    await pglite.close();
  }
}

async function setUp(owner: Owner, retell: StormRetell): Promise<string> {
  const instanceId = await owner.makeInstance('storm', {});
  const { status } = await owner.setUpVoice(instanceId, {
    provider: 'retell',
    api_key: retell.apiKey,
    agent_id: retell.agentId,
  });
  if (status === 'not_configured') throw new Error('the channel is not stored');
  return instanceId;
}

/** Sends each at its time, whatever has become of the others. */
function sendAll(
  retell: StormRetell,
  plan: readonly Delivery[],
  url: () => string,
  onProgress: (line: string) => void,
): Promise<readonly Delivered[]> {
  const beganMs = systemClock.now();
  let done = 0;
  return Promise.all(
    plan.map(async (delivery) => {
      await systemClock.sleep(beganMs + delivery.atMs - systemClock.now());
      const result = await retell.deliver(delivery, url);
      done += 1;
      if (done % Math.ceil(plan.length / 10) === 0) onProgress(`${done} webhooks sent`);
      return result;
    }),
  );
}

async function killDuring(
  server: StormServer,
  { kills, lengthMs }: StormOptions,
  onProgress: (line: string) => void,
): Promise<void> {
  const beganMs = systemClock.now();
  for (let kill = 1; kill <= kills; kill += 1) {
    const dueMs = beganMs + (lengthMs * kill) / (kills + 1);
    await systemClock.sleep(Math.max(0, dueMs - systemClock.now()));
    const sinceMs = systemClock.now();
    await server.killAndRestart();
    onProgress(`killed, and back after ${Math.round(systemClock.now() - sinceMs)} ms`);
  }
}

/**
 * What is wrong with the records once nothing is on its way any more. What got lost is asked for after
 * a silence, and what was not yet known then after a longer one: while something is wrong this looks
 * again, until the limit has passed.
 */
async function judge(
  server: StormServer,
  instanceId: string,
  stories: readonly Story[],
  onProgress: (line: string) => void,
): Promise<readonly string[]> {
  const untilMs = systemClock.now() + SETTLE_LIMIT_MS;
  for (;;) {
    await systemClock.sleep(SILENCE_SECONDS * 500);
    const path = `/v1/instances/${instanceId}/channels/voice`;
    const { active_calls: live } = voiceStatusSchema.parse(await server.owner.ask('GET', path));
    const isLate = systemClock.now() > untilMs;
    onProgress(`${live} calls are still live`);
    if (live > 0 && !isLate) continue;
    const wrong = wrongRecords(stories, await server.recordsByRetellId());
    onProgress(`${wrong.length} records are not right${wrong[0] ? `: ${wrong[0]}` : ''}`);
    if (wrong.length === 0 || isLate) return wrong;
  }
}

function wrongRecords(
  stories: readonly Story[],
  records: ReadonlyMap<string, Call>,
): readonly string[] {
  const told = new Set(stories.map(({ callId }) => callId));
  return [
    ...stories.flatMap((story) => faultOf(story, records.get(story.callId))),
    ...[...records.keys()]
      .filter((callId) => !told.has(callId))
      .map((callId) => `${callId} is no call of Retell's`),
  ];
}

/** The first field that is not what was told; none: all are. */
function faultOf({ callId, expected, truth }: Story, call: Call | undefined): readonly string[] {
  if (!call) return [`${callId} is not stored`];
  const actual: Readonly<Record<string, unknown>> = {
    ...call,
    turns: call.turns.map(({ waterfall_ms: _waterfall, ...turn }) => turn),
  };
  const wanted = { ...expected, provider: 'retell', state: 'ended', provider_record: truth };
  for (const [field, value] of Object.entries(wanted))
    if (!isDeepStrictEqual(actual[field], value))
      return [
        `${callId}: ${field} is ${JSON.stringify(actual[field])}, not ${JSON.stringify(value)}`,
      ];
  return [];
}
