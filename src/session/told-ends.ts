import { messageOf } from '#lib/errors.ts';
import type { Log } from '#lib/log.ts';
import type { LiveEvent } from '#protocol/events.ts';
import type { Store } from '#store/store.ts';

/**
 * The same store, by which who watches is told of calls that end without a session: nobody came for
 * them, or whoever carries them was told to end them.
 */
export function tellingEnds(
  store: Store,
  parts: {
    readonly publish: (instanceId: string, event: LiveEvent) => void;
    readonly log: Log;
  },
): Store {
  const tell = async (...[tenantId, callId, end]: Parameters<Store['calls']['end']>) => {
    const call = await store.calls.get(tenantId, callId);
    if (!call) return;
    const atMs = end.at.getTime() - Date.parse(call.started_at);
    parts.publish(call.instance_id, {
      type: 'call-ended',
      call_id: callId,
      at_ms: Math.max(0, Math.round(atMs)),
      reason: end.reason,
      detail: end.detail,
    });
  };
  return {
    ...store,
    calls: {
      ...store.calls,
      async end(...what) {
        const isEnded = await store.calls.end(...what);
        if (isEnded)
          await tell(...what).catch((error: unknown) =>
            parts.log.warn(
              { error: messageOf(error) },
              'the end of a call was stored and not told',
            ),
          );
        return isEnded;
      },
    },
  };
}
