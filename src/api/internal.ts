import { timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { VoiceError } from '#lib/errors.ts';
import type { Store } from '#store/store.ts';
import { hashKey } from './instances.ts';

const INSTANCE_PATH =
  /^\/internal\/v1\/instances\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:[/?]|$)/i;
/** Compared with when an instance has no key, so that the answer takes as long as for a wrong one. */
const NO_KEY = new Uint8Array(32);

/**
 * `/internal/v1` takes only the instance's own key: no token, no API key, whatever their rights.
 * Without the right key nobody learns even which routes there are.
 */
export function registerInternal(app: FastifyInstance, store: Pick<Store, 'instances'>): void {
  const refuseStrangers = async (request: {
    readonly url: string;
    readonly headers: { readonly authorization?: string | undefined };
  }): Promise<void> => {
    const instanceId = INSTANCE_PATH.exec(request.url)?.[1]?.toLowerCase();
    const key = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const stored = instanceId && (await store.instances.internalKeyHash(instanceId));
    const isRight = isSameHash(hashKey(key ?? ''), stored || NO_KEY);
    if (!key || !stored || !isRight)
      throw new VoiceError('unauthenticated', "This takes the instance's own key.");
  };
  const notFound = async (): Promise<never> => {
    throw new VoiceError('not_found', 'Not Found');
  };
  for (const url of ['/internal', '/internal/*'])
    app.all(url, { schema: { hide: true }, onRequest: [refuseStrangers, notFound] }, notFound);
}

const isSameHash = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && timingSafeEqual(a, b);
