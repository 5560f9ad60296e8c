import { z } from 'zod';
import type { Clock } from '#lib/clock.ts';
import { createAgentSchema, updateAgentSchema, withChanges } from './agent-body.ts';
import type { AgentChanges, AgentSettings } from './agent-body.ts';
import { notFound, Refusal } from './refusal.ts';
import { pageOf, pageQuery, parsed } from './route.ts';
import type { Route } from './route.ts';
import { agentOf, newestOf, newRetellId, versionOf, voiceIds } from './workspace.ts';
import type { Agent, AgentVersion, Workspace } from './account.ts';

/**
 * Agents and their versions. Seen at the live API and held here: a new agent is version 0 and not
 * published; a published version takes no change but of its title (422); publishing is done in place
 * and makes no new draft; `create-agent-version` does. Whether a published version can be deleted is not
 * known: `keepsPublished` has it refused. The only version cannot be (a guess).
 */
export function agentRoutes(clock: Clock, keepsPublished: boolean): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/create-agent',
      answer({ workspace, body }) {
        const settings = parsed(createAgentSchema, body);
        const agent = addAgent(workspace, settings, clock.now());
        return { status: 201, body: renderAgent(agent, newestOf(agent)) };
      },
    },
    {
      method: 'GET',
      path: '/get-agent/:id',
      answer({ workspace, id, query }) {
        const agent = agentOf(workspace, id);
        const asked = query.get('version');
        const found = asked === null ? newestOf(agent) : versionOf(agent, referenceOf(asked));
        return { status: 200, body: renderAgent(agent, found) };
      },
    },
    {
      method: 'PATCH',
      path: '/update-agent/:id',
      answer({ workspace, id, query, body }) {
        const agent = agentOf(workspace, id);
        const asked = query.get('version');
        const found = asked === null ? newestOf(agent) : versionOf(agent, referenceOf(asked));
        const changes = parsed(updateAgentSchema, body);
        checkReferences(workspace, changes);
        if (found.isPublished && Object.keys(changes).some((name) => name !== 'version_title'))
          throw new Refusal(422, 'Cannot update published agent other than version title');
        found.settings = withChanges(found.settings, changes);
        found.modifiedAtMs = clock.now();
        return { status: 200, body: renderAgent(agent, found) };
      },
    },
    {
      method: 'POST',
      path: '/v2/list-agents',
      answer({ workspace, query, body }) {
        const { filter_criteria: filter } = parsed(listSchema, body ?? {});
        const { limit, key, isAscending } = pageQuery(query);
        const wanted = filter?.query?.toLowerCase() ?? '';
        const items = [...workspace.agents.values()]
          .map((agent) => ({
            agent_id: agent.agentId,
            agent_name: newestOf(agent).settings.agent_name ?? '',
            channel: 'voice',
            tags: {},
            user_modified_timestamp: newestOf(agent).modifiedAtMs,
          }))
          .filter(
            (item) =>
              (item.agent_name.toLowerCase().includes(wanted) || item.agent_id.includes(wanted)) &&
              (filter?.channel === undefined || isVoice(filter.channel)),
          )
          .toSorted((left, right) => left.user_modified_timestamp - right.user_modified_timestamp);
        return {
          status: 200,
          body: pageOf(isAscending ? items : items.toReversed(), { limit, key }),
        };
      },
    },
    {
      method: 'DELETE',
      path: '/delete-agent/:id',
      answer({ workspace, id }) {
        agentOf(workspace, id);
        workspace.agents.delete(id);
        // A number does not ring at an agent that is gone; that its binding goes with it is a guess.
        for (const number of workspace.numbers.values()) {
          number.inboundAgents = without(number.inboundAgents, id);
          number.outboundAgents = without(number.outboundAgents, id);
        }
        return { status: 204 };
      },
    },
    {
      method: 'POST',
      path: '/create-agent-version/:id',
      answer({ workspace, id, body }) {
        const agent = agentOf(workspace, id);
        const { base_version: base } = parsed(createVersionSchema, body);
        const from = versionOf(agent, base);
        const made: AgentVersion = {
          version: newestOf(agent).version + 1,
          settings: structuredClone(from.settings),
          isPublished: false,
          modifiedAtMs: clock.now(),
          baseVersion: base,
        };
        agent.versions.push(made);
        return { status: 201, body: renderAgent(agent, made) };
      },
    },
    {
      method: 'DELETE',
      path: '/delete-agent-version/:id',
      answer({ workspace, id, query }) {
        const agent = agentOf(workspace, id);
        const asked = query.get('version');
        if (asked === null || !/^\d+$/.test(asked))
          throw new Refusal(400, 'request/query/version must be a whole number');
        const found = versionOf(agent, Number(asked));
        if (agent.versions.length === 1)
          throw new Refusal(400, 'Cannot delete the only version of an agent');
        if (keepsPublished && found.isPublished)
          throw new Refusal(400, 'Cannot delete a published version of an agent');
        agent.versions.splice(agent.versions.indexOf(found), 1);
        return { status: 204 };
      },
    },
    {
      method: 'GET',
      path: '/get-agent-versions/:id',
      answer({ workspace, id }) {
        const agent = agentOf(workspace, id);
        return {
          status: 200,
          body: agent.versions.toReversed().map((version) => renderAgent(agent, version)),
        };
      },
    },
    {
      method: 'GET',
      path: '/list-agent-versions/:id',
      answer({ workspace, id, query }) {
        const { limit, key, isAscending } = pageQuery(query);
        const items = agentOf(workspace, id).versions.map((version) => ({
          version: version.version,
          is_published: version.isPublished,
          last_modification_timestamp: version.modifiedAtMs,
          ...(version.baseVersion !== undefined && { base_version: version.baseVersion }),
          ...(version.settings.version_title && { version_title: version.settings.version_title }),
          ...(version.settings.version_description && {
            version_description: version.settings.version_description,
          }),
        }));
        return {
          status: 200,
          body: pageOf(isAscending ? items : items.toReversed(), { limit, key }),
        };
      },
    },
    {
      method: 'POST',
      path: '/publish-agent-version/:id',
      answer({ workspace, id, body }) {
        const agent = agentOf(workspace, id);
        const { version, version_title, version_description } = parsed(publishSchema, body);
        const found = versionOf(agent, version);
        if (version_title !== undefined) found.settings.version_title = version_title;
        if (version_description !== undefined)
          found.settings.version_description = version_description;
        publish(found, clock.now());
        return { status: 200 };
      },
    },
    {
      // As third parties were seen to publish: the version in the query, or else the newest one.
      method: 'POST',
      path: '/publish-agent/:id',
      answer({ workspace, id, query }) {
        const agent = agentOf(workspace, id);
        const asked = query.get('version');
        publish(
          asked === null ? newestOf(agent) : versionOf(agent, referenceOf(asked)),
          clock.now(),
        );
        return { status: 200 };
      },
    },
    {
      method: 'GET',
      path: '/list-voices',
      answer: () => ({ status: 200, body: voiceIds.map(renderVoice) }),
    },
    {
      method: 'GET',
      path: '/get-voice/:id',
      answer({ id }) {
        const voice = voiceIds.find((known) => known === id);
        if (voice === undefined) throw notFound('voice', id);
        return { status: 200, body: renderVoice(voice) };
      },
    },
  ];
}

/** @throws Refusal 404 for a voice or a response engine that is not there */
export function addAgent(workspace: Workspace, settings: AgentSettings, nowMs: number): Agent {
  checkReferences(workspace, settings);
  const agent: Agent = {
    agentId: newRetellId('agent'),
    versions: [
      { version: 0, settings, isPublished: false, modifiedAtMs: nowMs, baseVersion: undefined },
    ],
  };
  workspace.agents.set(agent.agentId, agent);
  return agent;
}

export const publish = (version: AgentVersion, nowMs: number): void => {
  version.isPublished = true;
  version.modifiedAtMs = nowMs;
};

export const renderAgent = ({ agentId }: Agent, version: AgentVersion): object => ({
  ...version.settings,
  agent_id: agentId,
  channel: 'voice',
  is_published: version.isPublished,
  last_modification_timestamp: version.modifiedAtMs,
  version: version.version,
});

function checkReferences(workspace: Workspace, settings: AgentChanges): void {
  const { voice_id: voice, response_engine: engine } = settings;
  if (voice !== undefined && !voiceIds.some((known) => known === voice))
    throw notFound('voice', voice);
  if (engine?.type === 'retell-llm' && !workspace.engineIds.has(engine.llm_id))
    throw notFound('retell-llm', engine.llm_id);
  if (engine?.type === 'conversation-flow' && !workspace.engineIds.has(engine.conversation_flow_id))
    throw notFound('conversation-flow', engine.conversation_flow_id);
}

const referenceOf = (text: string): number | string => (/^\d+$/.test(text) ? Number(text) : text);

const without = <Binding extends { readonly agent_id: string }>(
  bindings: Binding[] | null | undefined,
  agentId: string,
): Binding[] | null | undefined => bindings?.filter(({ agent_id }) => agent_id !== agentId);

const isVoice = ({ op, value }: z.infer<typeof channelFilter>): boolean =>
  op === 'ne' ? value !== 'voice' : value === 'voice';

const renderVoice = (voiceId: string): object => ({
  voice_id: voiceId,
  voice_name: voiceId.split('-')[1],
  provider:
    { '11labs': 'elevenlabs', retell: 'platform' }[voiceId.split('-')[0] ?? ''] ??
    voiceId.split('-')[0],
  gender: 'female',
});

const createVersionSchema = z.strictObject({ base_version: z.int().min(0) });
const publishSchema = z.strictObject({
  version: z.int().min(0),
  version_title: z.string().optional(),
  version_description: z.string().optional(),
});
const channelFilter = z.strictObject({
  type: z.literal('string'),
  op: z.enum(['eq', 'ne', 'sw', 'ew', 'co']),
  value: z.enum(['voice', 'chat']),
});
const listSchema = z.strictObject({
  filter_criteria: z
    .strictObject({ channel: channelFilter.optional(), query: z.string().optional() })
    .optional(),
});
