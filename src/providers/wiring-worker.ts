import { keysIn } from '#contracts/key-problem.ts';
import type { Cancel } from '#lib/clock.ts';
import type { Channel, WiringJob } from '#store/store.ts';
import { decideStatus, isStillNeeded, providerChannelOf, retryDelayMs } from './decisions.ts';
import type { Undo } from './decisions.ts';
import { applyWiring, readUndo, runUndo, undoOf } from './wiring.ts';
import type { ChannelParts } from './wiring.ts';

export type WiringWorkerParts = ChannelParts & {
  /** In [0, 1). */
  readonly random: () => number;
};

/** Does wiring that could not be done, or undone, at once, until it works. Jobs outlive the process. */
export type WiringWorker = {
  /** Looks for due jobs now and from then on. */
  start(): void;
  /** Looks for due jobs soon, without waiting for the next look. */
  kick(): void;
  /** Does every job that is due now; answers how many. */
  runDue(): Promise<number>;
  /** Resolves when the job under way has ended; none is begun after that. */
  stop(): Promise<void>;
};

const POLL_MS = 5_000;
const LEASE_MS = 120_000;
const JOBS_AT_ONCE = 8;
/** About three days of five minutes: then the credentials that the undo needs are thrown away. */
const UNDO_ATTEMPTS_MAX = 900;

export function createWiringWorker(parts: WiringWorkerParts): WiringWorker {
  const { store, clock, log } = parts;
  const stopping = new AbortController();
  let running: Promise<number> | undefined;
  let looking: Promise<void> | undefined;
  let isKicked = false;
  let isStarted = false;
  let cancelPoll: Cancel = () => undefined;

  const round = async (): Promise<number> => {
    let done = 0;
    while (!stopping.signal.aborted) {
      const jobs = await store.wiringJobs.claimDue(new Date(clock.now()), LEASE_MS, JOBS_AT_ONCE);
      await Promise.all(jobs.map((job) => runJob(parts, job)));
      done += jobs.length;
      if (jobs.length < JOBS_AT_ONCE) break;
    }
    return done;
  };

  const runDue = (): Promise<number> => {
    running ??= round().finally(() => {
      running = undefined;
    });
    return running;
  };

  const lookUntilQuiet = async (): Promise<void> => {
    cancelPoll();
    do {
      isKicked = false;
      await runDue().catch(() => log.warn({}, 'the wiring jobs cannot be read; trying again'));
    } while (isKicked && !stopping.signal.aborted);
    if (!stopping.signal.aborted) cancelPoll = clock.after(POLL_MS, look);
  };

  const look = (): void => {
    isKicked = true;
    looking ??= lookUntilQuiet().finally(() => {
      looking = undefined;
    });
  };

  return {
    start() {
      if (isStarted || stopping.signal.aborted) return;
      isStarted = true;
      look();
    },
    kick() {
      if (isStarted && !stopping.signal.aborted) look();
    },
    runDue,
    async stop() {
      stopping.abort();
      cancelPoll();
      await looking;
      await running?.catch(() => undefined);
    },
  };
}

async function runJob(parts: WiringWorkerParts, job: WiringJob): Promise<void> {
  try {
    await parts.lock.run(job.instanceId, () =>
      job.kind === 'apply' ? runApplyJob(parts, job) : runUndoJob(parts, job),
    );
  } catch {
    // The lease brings the job back.
    parts.log.warn({ instanceId: job.instanceId, kind: job.kind }, 'wiring job failed');
  }
}

async function runApplyJob(parts: WiringWorkerParts, job: WiringJob): Promise<void> {
  const { channels, wiringJobs } = parts.store;
  const channel = await channels.get(job.tenantId, job.instanceId);
  const isLive = channel?.status === 'active' || channel?.status === 'degraded';
  const isFollowing = isLive && parts.providers[channel.provider].followsAgent === true;
  const isRecheck =
    isFollowing || (channel?.status === 'degraded' && keysIn(channel.errorMessage).length > 0);
  // Whoever set the channel up has finished, or has taken it away.
  if (!channel || (channel.status !== 'pending' && !isRecheck)) return wiringJobs.finish(job);

  const secrets = await channels.secrets(job.tenantId, job.instanceId);
  const provider = parts.providers[channel.provider];
  const missing = provider.missing(providerChannelOf(channel), channel.secretsSet);
  const applied =
    missing.length > 0
      ? undefined
      : await applyWiring(parts, channel.provider, providerChannelOf(channel), secrets);
  // A line that works is not taken down because of what a second look finds.
  if (isRecheck && applied && applied.kind !== 'done') {
    if (isFollowing && applied.kind === 'refused')
      await channels.upsert(job.tenantId, job.instanceId, {
        status: 'degraded',
        errorMessage: `${applied.field}: ${applied.message}`,
      });
    return retry(parts, job, applied.message);
  }
  await channels.upsert(job.tenantId, job.instanceId, {
    ...decideStatus(missing, applied),
    ...(applied?.kind === 'done' && { wiring: applied.wiring }),
  });
  if (applied?.kind === 'unreachable') return retry(parts, job, applied.message);
  if (applied?.kind === 'done' && keysIn(applied.warning).length > 0)
    return retry(parts, job, 'a key does not work');
  parts.log.info({ instanceId: job.instanceId, result: applied?.kind }, 'channel wired');
  return wiringJobs.finish(job);
}

async function runUndoJob(parts: WiringWorkerParts, job: WiringJob): Promise<void> {
  const { channels, wiringJobs } = parts.store;
  const undo = readUndo(job.payload);
  if (!undo) {
    parts.log.error({ instanceId: job.instanceId }, 'an undo that cannot be read is given up');
    return wiringJobs.finish(job);
  }
  const channel: Channel | undefined = await channels.get(job.tenantId, job.instanceId);
  const left = await leftOf(parts, job, undo, channel);
  if (!left) return wiringJobs.finish(job);

  const result = await runUndo(parts, left, job.instanceId);
  if (result.kind !== 'unreachable') return wiringJobs.finish(job);
  if (job.attempts + 1 < UNDO_ATTEMPTS_MAX) return retry(parts, job, result.message);
  parts.log.warn({ instanceId: job.instanceId }, 'undoing the wiring is given up');
  return wiringJobs.finish(job);
}

/** What of an undo may be done beside the channel as it is now. */
async function leftOf(
  parts: WiringWorkerParts,
  { tenantId, instanceId }: WiringJob,
  undo: Undo,
  channel: Channel | undefined,
): Promise<Undo | undefined> {
  const { channels } = parts.store;
  if (!channel) return undo;
  const { handOver } = parts.providers[undo.provider];
  if (!handOver) {
    const secrets = await channels.secrets(tenantId, instanceId);
    const current = undoOf(parts, channel.provider, providerChannelOf(channel), secrets);
    return isStillNeeded(undo, current) ? undefined : undo;
  }
  if (channel.provider !== undo.provider) return undo;
  const { left, wiring } = handOver(undo.payload, channel.wiring);
  // Kept before the undo is done: it is the only one that knows it.
  if (wiring !== channel.wiring) await channels.upsert(tenantId, instanceId, { wiring });
  return left && { ...undo, payload: left };
}

function retry(parts: WiringWorkerParts, job: WiringJob, reason: string): Promise<void> {
  const dueAt = new Date(parts.clock.now() + retryDelayMs(job.attempts, parts.random()));
  return parts.store.wiringJobs.reschedule(job, dueAt, reason);
}
