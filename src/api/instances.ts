import { createHash } from 'node:crypto';
import { z } from 'zod';
import { VoiceError } from '#lib/errors.ts';
import { newToken } from '#lib/ids.ts';
import { givenAgentConfigSchema } from '#protocol/agent-config.ts';
import type { AgentConfig, GivenAgentConfig } from '#protocol/agent-config.ts';
import { withoutSecrets } from '#protocol/agent-secrets.ts';
import {
  createdInstanceSchema,
  instanceChangeSchema,
  instanceListSchema,
  instanceSchema,
  newInstanceSchema,
} from '#protocol/instances.ts';
import type { InstanceRow } from '#protocol/instances.ts';
import { tearDownChannel } from '#providers/tear-down.ts';
import type { Instance } from '#store/store.ts';
import { faultsOf } from './faults.ts';
import { mergePatch } from './merge-patch.ts';
import { checkTools } from './check-tools.ts';
import type { ApiParts } from './parts.ts';
import { requireInstance, security } from './route.ts';
import type { Api } from './route.ts';
import { instanceParams } from './validation.ts';

const tags = ['Instances'];

/** Agents and their `agent_config`. */
export function registerInstances(api: Api, parts: ApiParts): void {
  const { store } = parts;

  api.post(
    '/instances',
    {
      config: { access: { scope: 'instances:write' } },
      schema: {
        tags,
        security,
        summary: 'Create Instance',
        description: 'Creates an agent. Its internal key is answered this one time.',
        body: newInstanceSchema,
        response: { 201: createdInstanceSchema },
      },
    },
    async ({ principal, body }, reply) => {
      const { tenantId } = principal;
      const instance = await store.instances.create(tenantId, {
        name: body.name,
        ...(await agentOf(body.agent_config, parts)),
      });
      const internalKey = `hci_${newToken(32)}`;
      await store.instances.setInternalKeyHash(tenantId, instance.id, hashKey(internalKey));
      return reply.code(201).send({ ...instanceRow(instance), internal_key: internalKey });
    },
  );

  api.get(
    '/instances',
    {
      config: { access: { scope: 'instances:read' } },
      schema: { tags, security, summary: 'List Instances', response: { 200: instanceListSchema } },
    },
    async ({ principal }) => {
      const instances = (await store.instances.list(principal.tenantId)).map(instanceRow);
      return { instances, count: instances.length };
    },
  );

  api.get(
    '/instances/:instance_id',
    {
      config: { access: { scope: 'instances:read' } },
      schema: {
        tags,
        security,
        summary: 'Read Instance',
        params: instanceParams,
        response: { 200: instanceSchema },
      },
    },
    async ({ principal, params }) =>
      instanceRow(await requireInstance(store, principal.tenantId, params.instance_id)),
  );

  api.patch(
    '/instances/:instance_id',
    {
      config: { access: { scope: 'instances:write' } },
      schema: {
        tags,
        security,
        summary: 'Change Instance',
        description: 'Takes effect with the next call; live calls go on as they began.',
        params: instanceParams,
        body: instanceChangeSchema,
        response: { 200: instanceSchema },
      },
    },
    async ({ principal, params, body }) => {
      const instance = await requireInstance(store, principal.tenantId, params.instance_id);
      const changed = await store.instances.update(principal.tenantId, instance.id, {
        ...(body.name !== undefined && { name: body.name }),
        ...(body.agent_config !== undefined &&
          (await agentOf(patched(instance.agentConfig, body.agent_config), parts))),
      });
      if (!changed) throw new VoiceError('not_found', 'Instance not found');
      await followAgent(parts, principal.tenantId, instance.id);
      return instanceRow(changed);
    },
  );

  api.delete(
    '/instances/:instance_id',
    {
      config: { access: { scope: 'instances:delete' } },
      schema: {
        tags,
        security,
        summary: 'Delete Instance',
        description: 'Ends its calls, tears its channel down and erases all there is of it.',
        params: instanceParams,
        response: { 204: z.undefined().meta({ description: 'The instance is gone.' }) },
      },
    },
    async ({ principal, params }, reply) => {
      await requireInstance(store, principal.tenantId, params.instance_id);
      if (await tearDownChannel(parts, principal.tenantId, params.instance_id)) parts.kickWiring();
      if (!(await store.instances.delete(principal.tenantId, params.instance_id)))
        throw new VoiceError('not_found', 'Instance not found');
      return reply.code(204).send();
    },
  );
}

/** Has the channel's other side follow the agent, where it depends on it: soon, and until it is done. */
async function followAgent(parts: ApiParts, tenantId: string, instanceId: string): Promise<void> {
  const channel = await parts.store.channels.get(tenantId, instanceId);
  if (!channel || !parts.providers[channel.provider].followsAgent) return;
  await parts.store.wiringJobs.enqueueApply(tenantId, instanceId, new Date(parts.clock.now()));
  parts.kickWiring();
}

/** How an internal key is kept and compared. The key is random, so nothing is gained by a slow hash. */
export const hashKey = (key: string): Uint8Array => createHash('sha256').update(key).digest();

function patched(stored: AgentConfig, patch: Readonly<Record<string, unknown>>): GivenAgentConfig {
  const merged = mergePatch(stored, patch);
  const result = givenAgentConfigSchema.safeParse(merged);
  if (result.success) return result.data;
  const faults = faultsOf(result.error.issues, 'body', merged).map((fault) => ({
    ...fault,
    loc: ['body', 'agent_config', ...fault.loc.slice(1)],
  }));
  throw new VoiceError('invalid', 'The agent_config is not valid.', { faults });
}

/** The agent_config and, apart from it, its secrets. */
async function agentOf(given: GivenAgentConfig, parts: ApiParts) {
  await checkTools(given, { allowPrivate: parts.toolAllowPrivate ?? false });
  const { config, secrets } = withoutSecrets(given);
  return { agentConfig: config, agentSecrets: secrets };
}

const instanceRow = (instance: Instance): InstanceRow => ({
  id: instance.id,
  name: instance.name,
  agent_config: instance.agentConfig,
  created_at: instance.createdAt.toISOString(),
  updated_at: instance.updatedAt.toISOString(),
});
