import { z } from 'zod';
import { VoiceError, invalidField } from '#lib/errors.ts';
import {
  apiKeyListSchema,
  createdApiKeySchema,
  newApiKeySchema,
  scopes as allScopes,
} from '#protocol/api-keys.ts';
import type { ApiKeyRow, Scope } from '#protocol/api-keys.ts';
import type { ApiKey } from '#store/store.ts';
import type { Principal } from './auth.ts';
import type { ApiParts } from './parts.ts';
import type { Api } from './route.ts';
import { keyParams, noBodyIsEmpty } from './validation.ts';

const tags = ['API keys'];
const security = [{ HTTPBearer: [] }];
const config = { access: { isPersonOnly: true } };

/** The tenant's API keys. Only people manage them: a key that leaks cannot make itself more. */
export function registerApiKeys(api: Api, { store, clock }: ApiParts): void {
  api.post(
    '/settings/api-keys',
    {
      config,
      preValidation: noBodyIsEmpty,
      schema: {
        tags,
        security,
        summary: 'Create Api Key',
        description: 'Creates a key. The key itself is answered this one time.',
        body: newApiKeySchema,
        response: { 201: createdApiKeySchema },
      },
    },
    async ({ principal, body }, reply) => {
      const expiresAt = body.expires_at === null ? null : new Date(body.expires_at);
      if (expiresAt && expiresAt.getTime() <= clock.now())
        throw invalidField('expires_at', 'Value error, expires_at lies in the past');
      const { apiKey, plaintextKey } = await store.apiKeys.create(principal.tenantId, {
        name: body.name,
        keyType: body.key_type,
        scopes: grantedScopes(principal, body.scopes),
        expiresAt,
      });
      const row = apiKeyRow(apiKey, clock.now());
      return reply.code(201).send({ ...row, plaintext_key: plaintextKey });
    },
  );

  api.get(
    '/settings/api-keys',
    {
      config,
      schema: { tags, security, summary: 'List Api Keys', response: { 200: apiKeyListSchema } },
    },
    async ({ principal }) => {
      const keys = await store.apiKeys.list(principal.tenantId);
      return {
        api_keys: keys.map((key) => apiKeyRow(key, clock.now())),
        count: keys.length,
      };
    },
  );

  api.delete(
    '/settings/api-keys/:key_id',
    {
      config,
      schema: {
        tags,
        security,
        summary: 'Revoke Api Key',
        description: 'Revokes a key for good.',
        params: keyParams,
        response: { 204: z.undefined().meta({ description: 'The key is revoked.' }) },
      },
    },
    async ({ principal, params }, reply) => {
      if (!(await store.apiKeys.revoke(principal.tenantId, params.key_id)))
        throw new VoiceError('not_found', 'API key not found');
      return reply.code(204).send();
    },
  );
}

/** A token can hand on what it may do itself, and nothing more. */
function grantedScopes(principal: Principal, asked: readonly Scope[] | undefined): Scope[] {
  const own = allScopes.filter((scope) => !principal.scopes || principal.scopes.has(scope));
  if (!asked) return own;
  const excess = asked.find((scope) => !own.includes(scope));
  if (excess) throw new VoiceError('forbidden', `Missing scope: ${excess}`);
  return [...new Set(asked)];
}

const apiKeyRow = (key: ApiKey, nowMs: number): ApiKeyRow => ({
  id: key.id,
  name: key.name,
  key_type: key.keyType,
  key_prefix: key.keyPrefix,
  scopes: [...key.scopes],
  is_active: !key.revokedAt && (!key.expiresAt || key.expiresAt.getTime() > nowMs),
  expires_at: key.expiresAt?.toISOString() ?? null,
  created_at: key.createdAt.toISOString(),
  last_used_at: key.lastUsedAt?.toISOString() ?? null,
  revoked_at: key.revokedAt?.toISOString() ?? null,
});
