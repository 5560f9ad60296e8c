import Retell, { APIError } from 'retell-sdk';
import { z } from 'zod';
import type { Clock } from '#lib/clock.ts';

/** Messages are for people and never hold the key. */
export type RetellFault =
  /** Retell does not accept the API key. */
  | { readonly kind: 'wrong-key'; readonly message: string }
  /** Not in the key's workspace. */
  | { readonly kind: 'not-found'; readonly message: string }
  /** Retell understood and says no, and will say no again. */
  | { readonly kind: 'refused'; readonly message: string }
  /** No connection, no answer in time, too many requests, or Retell's own fault: worth trying later. */
  | { readonly kind: 'unreachable'; readonly message: string };

export type RetellAnswer<Value> = { readonly kind: 'ok'; readonly value: Value } | RetellFault;

/** Retell's own names of an agent's events, and whom they are sent to. */
export type Hook = Pick<RetellAgent, 'webhook_url' | 'webhook_events'>;

/** One version of an agent, in Retell's words; only what we look at or change. */
export type RetellAgent = z.infer<typeof agentSchema>;
export type AgentVersion = z.infer<typeof versionSchema>;
export type RetellNumber = z.infer<typeof numberSchema>;
/** Who answers, or calls from, a number. Weights sum to 1. */
export type BoundAgent = z.infer<typeof boundAgentSchema>;

export type AgentChange = Omit<Retell.AgentUpdateParams, 'webhook_events'> & {
  /** Also such as this server does not know, found at an agent and given back. */
  readonly webhook_events?: readonly string[] | null;
};
export type NewAgent = Retell.AgentCreateParams;
export type NumberChange = Retell.PhoneNumberUpdateParams;
export type ImportedNumber = Retell.PhoneNumberImportParams;

export type RetellRest = {
  /** Absent `version`: the latest, published or not. */
  getAgent(agentId: string, version?: number): Promise<RetellAnswer<RetellAgent>>;
  /** The ids of agents whose name has `words` in it. */
  findAgents(words: string): Promise<RetellAnswer<readonly string[]>>;
  createAgent(agent: NewAgent): Promise<RetellAnswer<RetellAgent>>;
  /** Changes a draft; Retell refuses it for a published version. Absent `version`: the latest. */
  updateAgent(agentId: string, change: AgentChange): Promise<RetellAnswer<RetellAgent>>;
  deleteAgent(agentId: string): Promise<RetellAnswer<undefined>>;
  /** The newest first, at most a hundred. */
  listVersions(agentId: string): Promise<RetellAnswer<readonly AgentVersion[]>>;
  /** A new draft with all that `baseVersion` has. */
  createVersion(agentId: string, baseVersion: number): Promise<RetellAnswer<RetellAgent>>;
  publishVersion(agentId: string, version: number): Promise<RetellAnswer<undefined>>;
  deleteVersion(agentId: string, version: number): Promise<RetellAnswer<undefined>>;
  getVoice(voiceId: string): Promise<RetellAnswer<unknown>>;
  getNumber(phoneNumber: string): Promise<RetellAnswer<RetellNumber>>;
  updateNumber(phoneNumber: string, change: NumberChange): Promise<RetellAnswer<RetellNumber>>;
  importNumber(number: ImportedNumber): Promise<RetellAnswer<RetellNumber>>;
  deleteNumber(phoneNumber: string): Promise<RetellAnswer<undefined>>;
  /** A call as Retell has it now, unread. */
  getCall(callId: string): Promise<RetellAnswer<unknown>>;
  /** Hangs up. A call that Retell does not have, or has no more, is `not-found`. */
  stopCall(callId: string): Promise<RetellAnswer<undefined>>;
};

export type RetellRestOptions = {
  /** Without a trailing slash, normally `https://api.retellai.com`; it may have a path. */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly clock: Clock;
  readonly timeoutMs?: number;
};

/**
 * What we need of Retell's REST API, by its official SDK. Nothing is retried here: the SDK would
 * repeat a POST whose answer was lost, and make a second agent or a second call; who asks knows
 * whether to ask again.
 */
export function createRetellRest(options: RetellRestOptions): RetellRest {
  const { baseUrl, apiKey, clock, timeoutMs = 10_000 } = options;
  const retell = new Retell({
    apiKey,
    baseURL: baseUrl,
    maxRetries: 0,
    // Ours is first; this one only keeps the SDK's own, a minute or more, from mattering.
    timeout: timeoutMs * 2,
    logLevel: 'off',
    // The key goes to the address we were given and nowhere else.
    fetchOptions: { redirect: 'manual' },
  });

  const ask = async <Value>(
    schema: z.ZodType<Value>,
    request: (limit: { readonly signal: AbortSignal }) => Promise<unknown>,
  ): Promise<RetellAnswer<Value>> => {
    const abort = new AbortController();
    const cancelTimeout = clock.after(timeoutMs, () => abort.abort());
    try {
      const read = schema.safeParse(await request({ signal: abort.signal }));
      return read.success
        ? { kind: 'ok', value: read.data }
        : { kind: 'unreachable', message: 'Retell answered something that is not its API.' };
    } catch (error) {
      if (abort.signal.aborted)
        return {
          kind: 'unreachable',
          message: `Retell did not answer within ${timeoutMs / 1_000} seconds.`,
        };
      return faultOf(error, apiKey);
    } finally {
      cancelTimeout();
    }
  };

  return {
    getAgent: (agentId, version) =>
      ask(agentSchema, (limit) =>
        retell.agent.retrieve(agentId, version === undefined ? {} : { version }, limit),
      ),
    findAgents: (words) =>
      ask(agentListSchema, (limit) =>
        retell.agent.list({ limit: 100, filter_criteria: { query: words } }, limit),
      ),
    createAgent: (agent) => ask(agentSchema, (limit) => retell.agent.create(agent, limit)),
    updateAgent: (agentId, { version, ...body }) =>
      // Retell knows which events there are; the SDK's method knows those of its own day.
      ask(agentSchema, (limit) =>
        retell.patch(`/update-agent/${encodeURIComponent(agentId)}`, {
          query: { version },
          body,
          ...limit,
        }),
      ),
    deleteAgent: (agentId) => ask(nothing, (limit) => retell.agent.delete(agentId, limit)),
    listVersions: (agentId) =>
      ask(versionListSchema, (limit) =>
        retell.agent.listVersions(agentId, { limit: 100, sort_order: 'descending' }, limit),
      ),
    createVersion: (agentId, baseVersion) =>
      ask(agentSchema, (limit) =>
        retell.agent.createVersion(agentId, { base_version: baseVersion }, limit),
      ),
    async publishVersion(agentId, version) {
      const published = await ask(nothing, (limit) =>
        retell.agent.publish(agentId, { version }, limit),
      );
      if (published.kind !== 'not-found') return published;
      // Where the documented route was not there, this older one was seen to work.
      return ask(nothing, (limit) =>
        retell.post(`/publish-agent/${encodeURIComponent(agentId)}`, {
          query: { version },
          ...limit,
        }),
      );
    },
    deleteVersion: (agentId, version) =>
      ask(nothing, (limit) => retell.agent.deleteVersion(agentId, { version }, limit)),
    getVoice: (voiceId) => ask(z.unknown(), (limit) => retell.voice.retrieve(voiceId, limit)),
    getNumber: (phoneNumber) =>
      ask(numberSchema, (limit) => retell.phoneNumber.retrieve(phoneNumber, limit)),
    updateNumber: (phoneNumber, change) =>
      ask(numberSchema, (limit) => retell.phoneNumber.update(phoneNumber, change, limit)),
    importNumber: (number) =>
      ask(numberSchema, (limit) => retell.phoneNumber.import(number, limit)),
    deleteNumber: (phoneNumber) =>
      ask(nothing, (limit) => retell.phoneNumber.delete(phoneNumber, limit)),
    getCall: (callId) => ask(z.unknown(), (limit) => retell.call.retrieve(callId, limit)),
    stopCall: (callId) => ask(nothing, (limit) => retell.call.stop(callId, limit)),
  };
}

const nothing = z.unknown().transform(() => undefined);

const agentSchema = z.object({
  agent_id: z.string(),
  version: z.number().int(),
  is_published: z.boolean().nullish(),
  agent_name: z.string().nullish(),
  language: z.unknown().optional(),
  voice_id: z.string().nullish(),
  response_engine: z.looseObject({ type: z.string(), llm_websocket_url: z.string().nullish() }),
  webhook_url: z.string().nullish(),
  webhook_events: z.array(z.string()).nullish(),
  max_call_duration_ms: z.number().nullish(),
  interruption_sensitivity: z.number().nullish(),
});

const agentListSchema = z
  .object({ items: z.array(z.object({ agent_id: z.string() })) })
  .transform((list) => list.items.map((agent) => agent.agent_id));

const versionSchema = z.object({
  version: z.number().int(),
  is_published: z.boolean(),
  base_version: z.number().int().nullish(),
  version_title: z.string().nullish(),
});

const versionListSchema = z
  .object({ items: z.array(versionSchema) })
  .transform((list) => list.items.toSorted((a, b) => b.version - a.version));

export const boundAgentSchema = z.object({
  agent_id: z.string(),
  weight: z.number(),
  agent_version: z.union([z.string(), z.number()]).exactOptional(),
});

const numberSchema = z.object({
  phone_number: z.string(),
  phone_number_type: z.string().nullish(),
  inbound_agents: z.array(boundAgentSchema).nullish(),
  outbound_agents: z.array(boundAgentSchema).nullish(),
  inbound_webhook_url: z.string().nullish(),
  sip_outbound_trunk_config: z.object({ termination_uri: z.string().nullish() }).nullish(),
});

const errorBodySchema = z.object({ message: z.string() });

function faultOf(error: unknown, apiKey: string): RetellFault {
  const status = error instanceof APIError ? error.status : undefined;
  if (!(error instanceof APIError) || status === undefined)
    return { kind: 'unreachable', message: 'Retell cannot be reached.' };
  const said = clean(errorBodySchema.safeParse(error.error).data?.message ?? '', apiKey);
  const message = `Retell answered ${status}${said ? `: ${said}` : '.'}`;
  if (status === 401) return { kind: 'wrong-key', message };
  // Retell's documented answer for an id that another workspace, or nobody, has is a 422.
  if (status === 404 || (status === 422 && /cannot find/i.test(said)))
    return { kind: 'not-found', message };
  if (status === 408 || status === 429 || status < 400 || status >= 500)
    return { kind: 'unreachable', message };
  return { kind: 'refused', message };
}

/** Another server's words, fit to be stored and shown. */
const clean = (words: string, secret: string): string =>
  words
    .replaceAll(secret, '[hidden]')
    .replaceAll(/\p{Cc}+/gu, ' ')
    .slice(0, 200)
    .trim();
