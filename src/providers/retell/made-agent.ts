import type { AgentConfig } from '#protocol/agent-config.ts';
import type { RetellHookUrls } from './hook-urls.ts';
import { retellLanguage } from './languages.ts';
import type { NewAgent, RetellAgent, RetellAnswer, RetellRest } from './retell-rest.ts';
import type { MadeAgent } from './wiring.ts';

/** The agent of ours, as Retell needs to know it. */
export type Brain = { readonly name: string; readonly agentConfig: AgentConfig };

/** Speaks where `voice.retell.voice_id` names no voice, or one that Retell does not have. */
export const DEFAULT_VOICE_ID = 'retell-Cimo';

/** Every event that we make something of. */
export const HOOK_EVENTS = [
  'call_started',
  'call_ended',
  'call_analyzed',
  'transcript_updated',
  'transfer_started',
  'transfer_bridged',
  'transfer_cancelled',
  'transfer_ended',
] as const;

export type MadeAgentParts = {
  readonly rest: RetellRest;
  readonly instanceId: string;
  readonly apiKey: string;
  readonly urls: RetellHookUrls;
  readonly brain: Brain;
  /** Awaited before an agent is made. */
  readonly note: (agent: MadeAgent) => Promise<void>;
};

/**
 * The agent at Retell that has its words from us: made, or brought in line with `brain`. It stays a
 * draft, so that a change holds from the next call on. `warnings` are for its owner.
 */
export async function ensureMadeAgent(
  parts: MadeAgentParts,
  known: MadeAgent | undefined,
): Promise<RetellAnswer<{ readonly agentId: string; readonly warnings: readonly string[] }>> {
  const { rest, instanceId } = parts;
  const found = await findMadeAgent(rest, instanceId, known?.agentId);
  if (found.kind !== 'ok') return found;
  const voice = await voiceOf(rest, parts.brain);
  if (voice.kind !== 'ok') return voice;
  const wanted = settingsOf(parts, voice.value);
  const warnings = warningsOf(parts.brain, voice.value);

  let agent = found.value;
  if (!agent) {
    await parts.note({ kind: 'made' });
    const made = await rest.createAgent(wanted);
    if (made.kind !== 'ok') return made;
    agent = made.value;
  }
  if (known?.agentId !== agent.agent_id)
    await parts.note({ kind: 'made', agentId: agent.agent_id });
  if (isLike(agent, wanted)) return { kind: 'ok', value: { agentId: agent.agent_id, warnings } };

  // Somebody has published it, which Retell makes unchangeable.
  const draft = agent.is_published
    ? await rest.createVersion(agent.agent_id, agent.version)
    : ({ kind: 'ok', value: agent } as const);
  if (draft.kind !== 'ok') return draft;
  const updated = await rest.updateAgent(agent.agent_id, {
    ...wanted,
    version: draft.value.version,
  });
  if (updated.kind !== 'ok') return updated;
  return { kind: 'ok', value: { agentId: agent.agent_id, warnings } };
}

/** Deletes the agent that we have made. One that Retell does not have is fine. */
export async function removeMadeAgent(
  rest: RetellRest,
  instanceId: string,
  known: MadeAgent,
): Promise<RetellAnswer<undefined>> {
  const found = await findMadeAgent(rest, instanceId, known.agentId);
  if (found.kind !== 'ok') return found;
  if (!found.value) return { kind: 'ok', value: undefined };
  const deleted = await rest.deleteAgent(found.value.agent_id);
  return deleted.kind === 'not-found' ? { kind: 'ok', value: undefined } : deleted;
}

/** By its id, else by its name: we may have died before we were told the id. */
async function findMadeAgent(
  rest: RetellRest,
  instanceId: string,
  agentId: string | undefined,
): Promise<RetellAnswer<RetellAgent | undefined>> {
  const ids =
    agentId === undefined
      ? await rest.findAgents(instanceId)
      : ({ kind: 'ok', value: [agentId] } as const);
  if (ids.kind !== 'ok') return ids;
  for (const id of ids.value) {
    const agent = await rest.getAgent(id);
    if (agent.kind === 'ok' && isOurs(agent.value, instanceId)) return agent;
    if (agent.kind !== 'ok' && agent.kind !== 'not-found') return agent;
  }
  return { kind: 'ok', value: undefined };
}

/** A name can be copied; an agent that has its words from this instance is ours. */
const isOurs = (agent: RetellAgent, instanceId: string): boolean =>
  agent.response_engine.llm_websocket_url?.includes(`/hooks/voice/${instanceId}/llm/`) === true;

async function voiceOf(rest: RetellRest, brain: Brain): Promise<RetellAnswer<string>> {
  const voiceId = brain.agentConfig.voice.retell?.voice_id;
  if (voiceId === undefined) return { kind: 'ok', value: DEFAULT_VOICE_ID };
  const found = await rest.getVoice(voiceId);
  if (found.kind === 'ok') return { kind: 'ok', value: voiceId };
  return found.kind === 'not-found' || found.kind === 'refused'
    ? { kind: 'ok', value: DEFAULT_VOICE_ID }
    : found;
}

const SHORTEST_CALL_MS = 60_000;
const LONGEST_CALL_MS = 7_200_000;

/** The name ends with the instance's id, by which the agent is found again. */
function settingsOf(parts: MadeAgentParts, voiceId: string) {
  const { instanceId, apiKey, urls, brain } = parts;
  const { language, voice } = brain.agentConfig;
  return {
    agent_name: `${brain.name} (HydraCore ${instanceId})`,
    response_engine: { type: 'custom-llm', llm_websocket_url: urls.llm(apiKey) },
    voice_id: voiceId,
    language: retellLanguage(language) ?? 'multi',
    webhook_url: urls.events,
    webhook_events: [...HOOK_EVENTS],
    interruption_sensitivity: voice.barge_in.enabled ? 1 : 0,
    max_call_duration_ms: Math.min(
      LONGEST_CALL_MS,
      Math.max(SHORTEST_CALL_MS, voice.max_call_seconds * 1_000),
    ),
  } satisfies NewAgent;
}

function warningsOf({ agentConfig }: Brain, voiceId: string): readonly string[] {
  const { language, voice } = agentConfig;
  const wantedVoice = voice.retell?.voice_id ?? voiceId;
  return [
    ...(wantedVoice === voiceId
      ? []
      : [
          `Retell does not have the voice ${wantedVoice} (voice.retell.voice_id); ${voiceId} speaks.`,
        ]),
    ...(retellLanguage(language)
      ? []
      : [`Retell does not have the language ${language}; it listens for several at once.`]),
  ];
}

const isLike = (agent: RetellAgent, wanted: ReturnType<typeof settingsOf>): boolean => {
  const { response_engine: engine, webhook_events: events, ...plain } = wanted;
  const has: Readonly<Record<string, unknown>> = agent;
  return (
    Object.entries(plain).every(([name, value]) => has[name] === value) &&
    agent.response_engine.type === engine.type &&
    agent.response_engine.llm_websocket_url === engine.llm_websocket_url &&
    events.every((event) => agent.webhook_events?.includes(event))
  );
};
