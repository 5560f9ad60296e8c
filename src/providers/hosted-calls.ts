import type { LiveCalls } from '#contracts/live-calls.ts';
import type { Clock } from '#lib/clock.ts';
import { messageOf, VoiceError } from '#lib/errors.ts';
import type { Log } from '#lib/log.ts';
import type { EndReason } from '#protocol/calls.ts';
import type { LiveCall, Store } from '#store/store.ts';
import { createRetellRest } from './retell/retell-rest.ts';
import type { RetellAnswer } from './retell/retell-rest.ts';

export type HostedCallsParts = {
  readonly store: Pick<Store, 'instances' | 'channels' | 'calls'>;
  readonly retellUrl: string;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * The calls of this node, and those that Retell carries without a session here: an agent of its
 * owner's talks, or another node leads the call. Those are ended at Retell, which has no goodbye for
 * them; how they ended is told by its events.
 *
 * `list` has the calls of this node only: of the others the stored state is the newest there is.
 */
export function withHostedCalls(live: LiveCalls, parts: HostedCallsParts): LiveCalls {
  const { store, clock, log } = parts;

  const stop = async (tenantId: string, call: LiveCall): Promise<RetellAnswer<undefined>> => {
    const { api_key: apiKey } = await store.channels.secrets(tenantId, call.instanceId);
    if (!apiKey) return { kind: 'wrong-key', message: 'The channel has no api_key any more.' };
    return createRetellRest({ baseUrl: parts.retellUrl, apiKey, clock }).stopCall(
      call.carrierCallId,
    );
  };

  const hosted = async (tenantId: string, instanceId: string): Promise<readonly LiveCall[]> => {
    const here = new Set(live.list(instanceId).map(({ callId }) => callId));
    const calls = await store.calls.live(tenantId, instanceId);
    return calls.filter((call) => call.provider === 'retell' && !here.has(call.id));
  };

  return {
    ...live,

    async hangUp(callId) {
      if (await live.hangUp(callId)) return true;
      const tenantId = await store.calls.tenantOf(callId);
      const stored = tenantId && (await store.calls.get(tenantId, callId));
      if (!tenantId || !stored) return false;
      const call = (await hosted(tenantId, stored.instance_id)).find(({ id }) => id === callId);
      if (!call) return false;
      const answer = await stop(tenantId, call);
      if (answer.kind === 'ok') return true;
      log.warn({ callId, reason: answer.message }, 'Retell did not hang up');
      if (answer.kind === 'unreachable') throw new VoiceError('unavailable', answer.message);
      throw new VoiceError('conflict', `Retell does not hang up. ${answer.message}`);
    },

    async endAll(instanceId, reason) {
      const tenantId = await store.instances.tenantOf(instanceId);
      await live.endAll(instanceId, reason);
      if (tenantId === undefined) return;
      await Promise.all(
        (await hosted(tenantId, instanceId)).map((call) => endHosted(tenantId, call, reason)),
      );
    },
  };

  /** Stored as ended whatever Retell answers: once the channel is gone its events are not heard. */
  async function endHosted(tenantId: string, call: LiveCall, reason: EndReason): Promise<void> {
    const answer = await stop(tenantId, call).catch((error: unknown) => ({
      kind: 'unreachable' as const,
      message: messageOf(error),
    }));
    if (answer.kind !== 'ok')
      log.warn({ callId: call.id, reason: answer.message }, 'Retell did not hang up');
    const detail =
      answer.kind === 'ok' ? null : `Retell was not seen to hang up: ${answer.message}`;
    await store.calls.end(tenantId, call.id, { reason, detail, at: new Date(clock.now()) });
  }
}
