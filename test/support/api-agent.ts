import type { Instance } from '#store/store.ts';
import { ALL_SCOPES } from './api.ts';
import type { TestApi } from './api.ts';

/** An agent of a new tenant, and requests as somebody who has the right to these scopes there. */
export async function agentOf(
  api: Pick<TestApi, 'as' | 'tenant' | 'store'>,
  scopes: readonly string[] = ALL_SCOPES,
): Promise<{
  readonly tenantId: string;
  readonly instance: Instance;
  readonly request: ReturnType<TestApi['as']>;
}> {
  const { tenantId, key } = await api.tenant();
  const { body } = await api.as(key)('POST', '/v1/instances', { name: 'agent' });
  const instance = await api.store.instances.get(tenantId, String(Object(body).id));
  if (!instance) throw new Error('the agent is not there');
  const named = { name: 'k', keyType: 'test', scopes, expiresAt: null } as const;
  const { plaintextKey } = await api.store.apiKeys.create(tenantId, named);
  return { tenantId, instance, request: api.as(plaintextKey) };
}
