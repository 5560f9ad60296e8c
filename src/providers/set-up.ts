import { keysIn } from '#contracts/key-problem.ts';
import type { Applied } from '#contracts/provider.ts';
import { invalidField } from '#lib/errors.ts';
import { secretFields } from '#protocol/voice-channel.ts';
import type { Channel, ChannelChange, Secrets } from '#store/store.ts';
import {
  decideStatus,
  isSameLine,
  mergeSetup,
  providerChannelOf,
  restoringChange,
  retryDelayMs,
  secretsSetIn,
} from './decisions.ts';
import type { Candidate, ChannelSetup, Undo } from './decisions.ts';
import { recheckAt } from './degrade-channel.ts';
import { REQUEST_LEASE_MS, applyWiring, runUndo, undoOf } from './wiring.ts';
import type { ChannelParts } from './wiring.ts';

/**
 * Sets a channel up, or changes it, and brings its provider in line. Setups of one instance run one
 * after another. Throws `invalid` on the field that the other side refuses; then the channel is what
 * it was before.
 *
 * The order makes it safe to die at any line: the jobs lie in the store before anything is changed,
 * and do nothing if what they are for did not happen or was finished.
 */
export function setUpChannel(
  parts: ChannelParts,
  tenantId: string,
  instanceId: string,
  setup: ChannelSetup,
): Promise<Channel> {
  return parts.lock.run(instanceId, async () => {
    const { channels, wiringJobs } = parts.store;
    const previous = await channels.get(tenantId, instanceId);
    const previousSecrets = previous ? await channels.secrets(tenantId, instanceId) : {};
    const merged = mergeSetup(tenantId, instanceId, previous, previousSecrets, setup);
    const before =
      previous && undoOf(parts, previous.provider, providerChannelOf(previous), previousSecrets);
    const carriesOn = previous && (await carriesOnFrom(parts, previous, previousSecrets, merged));
    const isCarriedOn = carriesOn ?? !(before && isOutdated(parts, before, merged));
    const outdated = isCarriedOn ? undefined : before;
    const next: Candidate = {
      ...merged,
      channel: {
        ...merged.channel,
        ...(outdated && { wiring: {} }),
        ...(carriesOn && { wiring: previous.wiring }),
      },
    };
    const change: ChannelChange = {
      ...setup,
      provider: next.provider,
      wiring: next.channel.wiring,
    };

    const afterLease = new Date(parts.clock.now() + REQUEST_LEASE_MS);
    if (outdated) await wiringJobs.enqueueUndo(tenantId, instanceId, outdated, afterLease);

    const missing = parts.providers[next.provider].missing(
      next.channel,
      secretsSetIn(next.secrets),
    );
    if (missing.length > 0) {
      const stored = await channels.upsert(tenantId, instanceId, {
        ...change,
        ...decideStatus(missing, undefined),
      });
      if (outdated) await runUndo(parts, outdated, instanceId);
      return stored;
    }

    await wiringJobs.enqueueApply(tenantId, instanceId, afterLease);
    await channels.upsert(tenantId, instanceId, {
      ...change,
      ...decideStatus([], undefined),
      // A line in use stays so while it is changed; a new one opens once it is known to be good.
      enabled: previous?.enabled ?? false,
    });
    const given = secretFields.filter((field) => setup.secrets[field]);
    const applied = await applyWiring(parts, next.provider, next.channel, next.secrets, given);
    if (applied.kind === 'refused') {
      if (previous)
        await channels.upsert(
          tenantId,
          instanceId,
          restoringChange(previous, previousSecrets, setup),
        );
      else await channels.delete(tenantId, instanceId);
      throw invalidField(applied.field, `Value error, ${applied.message}`);
    }
    return finishSetUp(parts, tenantId, instanceId, applied, outdated);
  });
}

async function finishSetUp(
  parts: ChannelParts,
  tenantId: string,
  instanceId: string,
  applied: Exclude<Applied, { kind: 'refused' }>,
  outdated: Undo | undefined,
): Promise<Channel> {
  const { channels, wiringJobs } = parts.store;
  const stored = await channels.upsert(tenantId, instanceId, {
    ...decideStatus([], applied),
    ...(applied.kind === 'done' && { wiring: applied.wiring }),
  });
  if (applied.kind === 'unreachable')
    await wiringJobs.enqueueApply(
      tenantId,
      instanceId,
      new Date(parts.clock.now() + retryDelayMs(0, 1)),
    );
  if (applied.kind === 'done' && keysIn(applied.warning).length > 0)
    await wiringJobs.enqueueApply(tenantId, instanceId, recheckAt(parts.clock.now()));
  if (outdated) await runUndo(parts, outdated, instanceId);
  return stored;
}

/** What the provider says of it; undefined: nothing, or it is another provider by now. */
async function carriesOnFrom(
  parts: ChannelParts,
  previous: Channel,
  previousSecrets: Secrets,
  next: Candidate,
): Promise<boolean | undefined> {
  if (previous.provider !== next.provider) return undefined;
  return parts.providers[next.provider].carriesOn?.(
    { channel: providerChannelOf(previous), secrets: previousSecrets },
    next,
  );
}

/** Whether the old wiring is not carried on: another line, or no way left to undo it later. */
function isOutdated(parts: ChannelParts, before: Undo, next: Candidate): boolean {
  const carried = undoOf(parts, next.provider, next.channel, next.secrets);
  return carried === undefined || !isSameLine(before.line, carried.line);
}
