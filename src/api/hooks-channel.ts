import { VoiceError } from '#lib/errors.ts';
import type { Channel, Store } from '#store/store.ts';
import type { CarrierChannel } from './hooks-calls.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The voice channel of an instance, for requests that carry no tenant. Throws `not_found` where there is none. */
export async function findChannel(store: Store, id: string): Promise<Channel> {
  const instanceId = id.toLowerCase();
  const tenantId = UUID.test(instanceId) ? await store.instances.tenantOf(instanceId) : undefined;
  const channel = tenantId && (await store.channels.get(tenantId, instanceId));
  if (!channel) throw new VoiceError('not_found', 'There is no voice channel here.');
  return channel;
}

/**
 * The channel that a carrier's request is for. Throws `not_found` where there is none, and
 * `forbidden` where no auth token is stored: then nobody can tell the carrier from an impostor.
 */
export async function findCarrierChannel(store: Store, id: string): Promise<CarrierChannel> {
  const channel = await findChannel(store, id);
  const { tenantId, instanceId } = channel;
  const { twilio_auth_token: authToken } = await store.channels.secrets(tenantId, instanceId);
  if (!authToken)
    throw new VoiceError(
      'forbidden',
      'This channel has no twilio_auth_token, so the carrier cannot be verified.',
    );
  return { tenantId, instanceId, channel, authToken };
}
