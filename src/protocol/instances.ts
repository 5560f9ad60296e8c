import { z } from 'zod';
import { agentConfigSchema, givenAgentConfigSchema } from './agent-config.ts';

const name = z.string().trim().min(1).max(100);

export const newInstanceSchema = z
  .strictObject({
    name: name.meta({ examples: ['Front desk'] }),
    agent_config: givenAgentConfigSchema.prefault({}),
  })
  .meta({ id: 'NewInstance', title: 'NewInstance' });

/** `agent_config` is a JSON Merge Patch (RFC 7396): what is absent stays, null goes back to its default. */
export const instanceChangeSchema = z
  .strictObject({
    name: name.optional(),
    agent_config: z
      .record(z.string().max(64), z.unknown())
      .optional()
      .meta({
        description:
          'A JSON Merge Patch of the agent_config: absent fields stay, null restores the default.',
        examples: [{ greeting: 'Good morning!', voice: { max_call_seconds: 600 } }],
      }),
  })
  .meta({ id: 'InstanceChange', title: 'InstanceChange' });

export const instanceSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    agent_config: agentConfigSchema,
    created_at: z.string(),
    updated_at: z.string(),
  })
  .meta({ id: 'Instance', title: 'Instance' });
export type InstanceRow = z.infer<typeof instanceSchema>;

export const createdInstanceSchema = instanceSchema
  .extend({
    internal_key: z.string().meta({
      description: "The instance's own key for /internal/v1. Answered this one time.",
    }),
  })
  .meta({ id: 'CreatedInstance', title: 'CreatedInstance' });

export const instanceListSchema = z
  .object({
    instances: z.array(instanceSchema),
    count: z.number().int(),
  })
  .meta({ id: 'InstanceList', title: 'InstanceList' });
