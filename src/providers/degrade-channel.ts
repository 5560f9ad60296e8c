import { withKeyProblem } from '#contracts/key-problem.ts';
import type { KeyProblem } from '#contracts/provider.ts';
import { retryDelayMs } from './decisions.ts';
import type { ChannelParts } from './wiring.ts';

/**
 * A key that is set was refused, or has run out of quota, in the middle of a call: the channel is
 * `degraded` and says so, and the key is tried again until it works.
 */
export function degradeChannel(
  parts: Pick<ChannelParts, 'store' | 'clock' | 'lock'>,
  tenantId: string,
  instanceId: string,
  problem: Omit<KeyProblem, 'kind'>,
): Promise<void> {
  return parts.lock.run(instanceId, async () => {
    const { channels, wiringJobs } = parts.store;
    const channel = await channels.get(tenantId, instanceId);
    const isLive = channel?.status === 'active' || channel?.status === 'degraded';
    if (!isLive || !channel.secretsSet.includes(problem.field)) return;
    await channels.upsert(tenantId, instanceId, {
      status: 'degraded',
      errorMessage: withKeyProblem(channel.errorMessage, problem),
    });
    await wiringJobs.enqueueApply(tenantId, instanceId, recheckAt(parts.clock.now()));
  });
}

/** When a key that did not work is first tried again. */
export const recheckAt = (nowMs: number): Date => new Date(nowMs + retryDelayMs(4, 1));
