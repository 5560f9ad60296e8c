import { randomBytes } from 'node:crypto';
import type { Agent, AgentVersion, Workspace } from './account.ts';
import { notFound, Refusal } from './refusal.ts';

/** Twelve bytes in hexadecimal after what it is of, as Retell's ids look. */
export const newRetellId = (prefix: 'agent' | 'call' | 'llm' | 'conversation_flow'): string =>
  `${prefix}_${randomBytes(13).toString('hex')}`;

/** Voices that agents may have; `GET /list-voices` shows them. */
export const voiceIds = ['11labs-Adrian', 'cartesia-Sarah', 'openai-Alloy', 'retell-Cimo'] as const;

/** @throws Refusal 404 */
export function agentOf(workspace: Workspace, agentId: string): Agent {
  const agent = workspace.agents.get(agentId);
  if (!agent) throw notFound('agent', agentId);
  return agent;
}

export const newestOf = (agent: Agent): AgentVersion => {
  const newest = agent.versions.at(-1);
  if (!newest) throw new Error(`agent ${agent.agentId} has no version`);
  return newest;
};

/**
 * The version that a reference means. Without one it is the last published version, as was seen
 * of numbers that name none, or the newest where none is published (a guess). A tag that is not
 * assigned means the newest, too.
 *
 * @throws Refusal 404
 */
export function versionOf(agent: Agent, reference?: number | string): AgentVersion {
  if (typeof reference === 'number') {
    const found = agent.versions.find(({ version }) => version === reference);
    if (!found) throw notFound('agent', `${agent.agentId} version ${reference}`);
    return found;
  }
  const published = agent.versions.findLast(({ isPublished }) => isPublished);
  if (reference === 'latest_published') {
    if (!published) throw new Refusal(400, `Agent ${agent.agentId} has no published version`);
    return published;
  }
  return reference === undefined ? (published ?? newestOf(agent)) : newestOf(agent);
}

/**
 * Everything of an account that outlives a call, but for its times, as plain JSON: to compare before and
 * after. What is null counts as absent, and so do no agents: the API cannot unset what was once set.
 */
export const snapshotOf = (workspace: Workspace): unknown => ({
  agents: [...workspace.agents.values()].map(({ agentId, versions }) => ({
    agent_id: agentId,
    versions: versions.map(({ version, settings, isPublished }) => ({
      version,
      is_published: isPublished,
      settings: withoutBlanks(settings),
    })),
  })),
  numbers: [...workspace.numbers.values()].map((number) =>
    withoutBlanks({ ...number, modifiedAtMs: undefined }),
  ),
});

const withoutBlanks = (of: object): unknown =>
  structuredClone(
    Object.fromEntries(
      Object.entries(of).filter(
        ([, value]) =>
          value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0),
      ),
    ),
  );
