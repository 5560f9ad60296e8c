import { VoiceError } from '#lib/errors.ts';
import type { Channel, Store } from '#store/store.ts';
import type { CarrierChannel } from './hooks-calls.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The channel that a carrier's request is for. Throws `not_found` where there is none, and
 * `forbidden` where no auth token is stored: then nobody can tell the carrier from an impostor.
 */
export async function findCarrierChannel(store: Store, id: string): Promise<CarrierChannel> {
  const { tenantId, instanceId } = await findInstance(store, id);
  const [channel, { twilio_auth_token: authToken }] = await Promise.all([
    store.channels.get(tenantId, instanceId),
    store.channels.secrets(tenantId, instanceId),
  ]);
  if (!channel) throw nothingHere();
  if (!authToken)
    throw new VoiceError(
      'forbidden',
      'This channel has no twilio_auth_token, so the carrier cannot be verified.',
    );
  return { tenantId, instanceId, channel, authToken };
}

/** The voice channel of an instance, for requests that carry no tenant. Throws `not_found` where there is none. */
export async function findChannel(store: Store, id: string): Promise<Channel> {
  const { tenantId, instanceId } = await findInstance(store, id);
  const channel = await store.channels.get(tenantId, instanceId);
  if (!channel) throw nothingHere();
  return channel;
}

async function findInstance(
  store: Store,
  id: string,
): Promise<{ readonly tenantId: string; readonly instanceId: string }> {
  const instanceId = id.toLowerCase();
  const tenantId = UUID.test(instanceId) ? await store.instances.tenantOf(instanceId) : undefined;
  if (tenantId === undefined) throw nothingHere();
  return { tenantId, instanceId };
}

const nothingHere = (): VoiceError =>
  new VoiceError('not_found', 'There is no voice channel here.');
