import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { VoiceError } from '#lib/errors.ts';
import type { Instance, Store } from '#store/store.ts';
import type { Access, Principal } from './auth.ts';

/** A Fastify whose routes take their types from zod schemas. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every route that asks for access, before its handler runs. */
    principal: Principal;
  }
  interface FastifyContextConfig {
    access?: Access;
  }
}

/** Bearer token or API key, as OpenAPI names them. */
export const security = [{ HTTPBearer: [] }, { ApiKeyHeader: [] }];

/** The instance, if the tenant has it; another tenant's does not exist. */
export async function requireInstance(
  store: Pick<Store, 'instances'>,
  tenantId: string,
  instanceId: string,
): Promise<Instance> {
  const instance = await store.instances.get(tenantId, instanceId);
  if (!instance) throw new VoiceError('not_found', 'Instance not found');
  return instance;
}
