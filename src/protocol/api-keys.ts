import { z } from 'zod';

/** What a credential may do, as `<resource>:<verb>`. */
export const scopes = ['instances:read', 'instances:write', 'instances:delete'] as const;
export type Scope = (typeof scopes)[number];

export const newApiKeySchema = z
  .strictObject({
    name: z.string().trim().min(1).max(100).default('Default'),
    key_type: z.enum(['live', 'test']).default('live'),
    scopes: z
      .array(z.enum(scopes))
      .max(scopes.length)
      .optional()
      .meta({ description: 'Absent: everything that the token asking for the key may do.' }),
    expires_at: z.iso
      .datetime({ offset: true })
      .nullable()
      .default(null)
      .meta({ examples: ['2030-01-01T00:00:00Z'] }),
  })
  .meta({ id: 'NewApiKey', title: 'NewApiKey' });

export const apiKeySchema = z
  .object({
    id: z.string(),
    name: z.string(),
    key_type: z.enum(['live', 'test']),
    key_prefix: z.string(),
    scopes: z.array(z.string()),
    is_active: z.boolean(),
    expires_at: z.string().nullable(),
    created_at: z.string(),
    last_used_at: z.string().nullable(),
    revoked_at: z.string().nullable(),
  })
  .meta({ id: 'ApiKey', title: 'ApiKey' });
export type ApiKeyRow = z.infer<typeof apiKeySchema>;

export const createdApiKeySchema = apiKeySchema
  .extend({
    plaintext_key: z.string().meta({ description: 'The key itself. Answered this one time.' }),
  })
  .meta({ id: 'CreatedApiKey', title: 'CreatedApiKey' });

export const apiKeyListSchema = z
  .object({
    api_keys: z.array(apiKeySchema),
    count: z.number().int(),
  })
  .meta({ id: 'ApiKeyList', title: 'ApiKeyList' });
