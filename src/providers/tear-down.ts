import type { LiveCalls } from '#contracts/live-calls.ts';
import { providerChannelOf } from './decisions.ts';
import { runUndo, undoOf } from './wiring.ts';
import type { ChannelParts } from './wiring.ts';

/** How long live calls may take to say goodbye before their channel goes all the same. */
const GOODBYE_LIMIT_MS = 15_000;

/**
 * Ends an instance's calls politely, erases its channel and credentials, and undoes what its
 * provider has changed elsewhere. False: there was no channel.
 *
 * New calls are refused from the first line on. The undo becomes a job together with the erasure,
 * so that it happens even if this process does not live to try it.
 */
export function tearDownChannel(
  parts: ChannelParts & { readonly live: Pick<LiveCalls, 'endAll'> },
  tenantId: string,
  instanceId: string,
): Promise<boolean> {
  return parts.lock.run(instanceId, async () => {
    const { channels } = parts.store;
    const channel = await channels.get(tenantId, instanceId);
    if (!channel) return false;
    await channels.upsert(tenantId, instanceId, { enabled: false });
    await endCalls(parts, instanceId);

    const secrets = await channels.secrets(tenantId, instanceId);
    const undo = undoOf(parts, channel.provider, providerChannelOf(channel), secrets);
    const isDeleted = await channels.delete(tenantId, instanceId, undo);
    // At once, so that a setup that follows finds the other side as its owner left it.
    if (undo) await runUndo(parts, undo, instanceId);
    return isDeleted;
  });
}

/** Resolves when the calls have ended, or when they have had their time. */
async function endCalls(
  parts: ChannelParts & { readonly live: Pick<LiveCalls, 'endAll'> },
  instanceId: string,
): Promise<void> {
  const timeUp = new AbortController();
  const ended = parts.live.endAll(instanceId, 'channel_removed').catch(() => undefined);
  const limit = parts.clock.sleep(GOODBYE_LIMIT_MS, timeUp.signal).then(
    () => parts.log.warn({ instanceId }, 'calls outlived their channel'),
    () => undefined,
  );
  await Promise.race([ended, limit]);
  timeUp.abort();
}
