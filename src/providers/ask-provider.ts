import type { Clock } from '#lib/clock.ts';
import { isRecord } from '#lib/record.ts';
import type { Store } from '#store/store.ts';
import type { ProviderAnswer, ProviderEventWorkerParts } from './provider-event-worker.ts';
import { createRetellRest } from './retell/retell-rest.ts';

/** Asks the provider of a call how it stands, with the key that its channel has now. */
export function createAskProvider(parts: {
  readonly store: Pick<Store, 'channels'>;
  readonly retellUrl: string;
  readonly clock: Clock;
}): ProviderEventWorkerParts['ask'] {
  const { store, retellUrl: baseUrl, clock } = parts;
  return async ({ tenantId, instanceId, carrierCallId }): Promise<ProviderAnswer> => {
    const { api_key: apiKey } = await store.channels.secrets(tenantId, instanceId);
    if (!apiKey) return { kind: 'no-channel' };
    const answer = await createRetellRest({ baseUrl, apiKey, clock }).getCall(carrierCallId);
    if (answer.kind === 'not-found') return { kind: 'not-found' };
    if (answer.kind !== 'ok') return { kind: 'unreachable', message: answer.message };
    return isRecord(answer.value)
      ? { kind: 'found', call: answer.value }
      : { kind: 'unreachable', message: 'Retell answered with something that is no call.' };
  };
}
