import { HOOK_EVENTS } from './made-agent.ts';
import type {
  AgentChange,
  AgentVersion,
  Hook,
  RetellAgent,
  RetellAnswer,
  RetellRest,
} from './retell-rest.ts';
import { hookToRemember } from './wiring.ts';
import type { FoundAgent } from './wiring.ts';

/*
 * An agent that its owner has built at Retell: all we change is where its events go. Published
 * versions cannot be changed, so calls that a published one takes need another published version,
 * the same but for its hook. Source: https://docs.retellai.com/agent/version
 */

export type FoundAgentParts = {
  readonly rest: RetellRest;
  readonly eventsUrl: string;
  /** Awaited before anything is changed. */
  readonly note: (agent: FoundAgent) => Promise<void>;
};

/** Which version a number should ring at: the last one that its owner has published, if there is any. */
export type ServingVersion = 'latest' | 'latest_published';

/** Has the agent's events sent to us. `latest` is its latest version, as it was just fetched. */
export async function ensureFoundAgent(
  { rest, eventsUrl, note }: FoundAgentParts,
  latest: RetellAgent,
  known: FoundAgent | undefined,
): Promise<RetellAnswer<ServingVersion>> {
  const agentId = latest.agent_id;
  const versions = await rest.listVersions(agentId);
  if (versions.kind !== 'ok') return versions;
  const publishedVersion = versions.value.find((version) => version.is_published)?.version;
  const serving =
    publishedVersion === undefined || publishedVersion === latest.version
      ? ({ kind: 'ok', value: latest } as const)
      : await rest.getAgent(agentId, publishedVersion);
  if (serving.kind !== 'ok') return serving;

  let agent: FoundAgent = known ?? {
    kind: 'found',
    agentId,
    before: hookToRemember(serving.value, eventsUrl),
    wasOurs: serving.value.webhook_url === eventsUrl,
    drafts: [],
    published: [],
  };
  const noted = async (next: FoundAgent): Promise<void> => {
    agent = next;
    await note(next);
  };

  // Being made when we died: a copy of ours, not a draft of its owner's.
  const copy = copyOf(versions.value, agent.making);

  if (!latest.is_published && latest.version !== copy?.version && !isHooked(latest, eventsUrl)) {
    const draft = { version: latest.version, before: hookToRemember(latest, eventsUrl) };
    const drafts = [...agent.drafts.filter((of) => of.version !== draft.version), draft];
    await noted({ ...agent, drafts });
    const updated = await rest.updateAgent(agentId, hookOf(eventsUrl, latest.version));
    if (updated.kind !== 'ok') return updated;
  }
  if (publishedVersion === undefined) {
    await noted(agent);
    return { kind: 'ok', value: 'latest' };
  }
  if (isHooked(serving.value, eventsUrl)) {
    const { making: _, ...settled } = agent;
    await noted(copy ? withPublished(settled, copy.version) : settled);
    return { kind: 'ok', value: 'latest_published' };
  }
  const making = { base: publishedVersion, after: latest.version };
  if (!copy) await noted({ ...agent, making });
  const draft = copy
    ? ({ kind: 'ok', value: copy } as const)
    : await rest.createVersion(agentId, publishedVersion);
  if (draft.kind !== 'ok') return draft;
  const { version } = draft.value;
  const updated = await rest.updateAgent(agentId, hookOf(eventsUrl, version));
  if (updated.kind !== 'ok') return updated;
  const published = await rest.publishVersion(agentId, version);
  if (published.kind !== 'ok') return published;
  const { making: _, ...settled } = agent;
  await noted(withPublished(settled, version));
  return { kind: 'ok', value: 'latest_published' };
}

/** Sends the agent's events where they went before, where that is still ours to change. */
export async function restoreFoundAgent(
  rest: RetellRest,
  eventsUrl: string,
  agent: FoundAgent,
): Promise<RetellAnswer<undefined>> {
  const { agentId, before } = agent;
  const versions = await rest.listVersions(agentId);
  if (versions.kind === 'not-found') return done;
  if (versions.kind !== 'ok') return versions;
  const restored = await restoreDrafts(rest, eventsUrl, agent, versions.value);
  if (restored.kind !== 'ok') return restored;

  const copy = copyOf(versions.value, agent.making);
  const ours = new Set([...agent.published, copy?.version]);
  for (const { version, is_published: isPublished } of versions.value) {
    if (!isPublished) continue;
    if (ours.has(version)) {
      const deleted = await rest.deleteVersion(agentId, version);
      if (deleted.kind === 'ok') continue;
      if (deleted.kind !== 'refused' && deleted.kind !== 'not-found') return deleted;
      // That published versions can be deleted is nowhere said; that they can be followed is.
      return publishCopy(rest, agentId, version, before);
    }
    const published = await rest.getAgent(agentId, version);
    if (published.kind !== 'ok') return published;
    return published.value.webhook_url === eventsUrl
      ? publishCopy(rest, agentId, version, before)
      : done;
  }
  return done;
}

/** Puts back the drafts that we have changed, and the one that has inherited our hook; deletes one that was to be ours. */
async function restoreDrafts(
  rest: RetellRest,
  eventsUrl: string,
  agent: FoundAgent,
  versions: readonly AgentVersion[],
): Promise<RetellAnswer<undefined>> {
  const { agentId, before, drafts, making } = agent;
  const copy = copyOf(versions, making);
  for (const { version, is_published: isPublished } of versions) {
    const known = drafts.find((of) => of.version === version);
    if (isPublished) continue;
    if (version === copy?.version) {
      const deleted = await rest.deleteVersion(agentId, version);
      if (deleted.kind !== 'ok' && deleted.kind !== 'not-found') return deleted;
      continue;
    }
    if (!known && version !== versions[0]?.version) continue;
    const draft = await rest.getAgent(agentId, version);
    if (draft.kind !== 'ok') return draft;
    if (draft.value.webhook_url !== eventsUrl) continue;
    const change = { version, ...(known?.before ?? before) };
    const updated = await rest.updateAgent(agentId, change);
    if (updated.kind !== 'ok') return updated;
  }
  return done;
}

const copyOf = (
  versions: readonly AgentVersion[],
  making: FoundAgent['making'],
): AgentVersion | undefined =>
  versions.find(
    ({ version, base_version }) => making && version > making.after && base_version === making.base,
  );

/** Publishes a copy of a published version with another hook. */
async function publishCopy(
  rest: RetellRest,
  agentId: string,
  version: number,
  hook: FoundAgent['before'],
): Promise<RetellAnswer<undefined>> {
  const copy = await rest.createVersion(agentId, version);
  if (copy.kind !== 'ok') return copy;
  const updated = await rest.updateAgent(agentId, { version: copy.value.version, ...hook });
  if (updated.kind !== 'ok') return updated;
  return rest.publishVersion(agentId, copy.value.version);
}

const withPublished = (agent: FoundAgent, version: number): FoundAgent => ({
  ...agent,
  published: [...agent.published.filter((of) => of !== version), version],
});

const done = { kind: 'ok', value: undefined } as const;

const hookOf = (eventsUrl: string, version: number): AgentChange => ({
  version,
  webhook_url: eventsUrl,
  webhook_events: [...HOOK_EVENTS],
});

const isHooked = (hook: Hook, eventsUrl: string): boolean =>
  hook.webhook_url === eventsUrl &&
  HOOK_EVENTS.every((event) => hook.webhook_events?.includes(event));
