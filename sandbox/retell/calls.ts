import { z } from 'zod';
import type { Clock } from '#lib/clock.ts';
import { newToken } from '#lib/ids.ts';
import { isE164 } from '#sandbox/carrier/accounts.ts';
import { agentOverrideSchema, versionReferenceSchema, withChanges } from './agent-body.ts';
import { listCalls } from './list-calls.ts';
import { numberOf } from './numbers.ts';
import { notFound, Refusal, REFUSALS } from './refusal.ts';
import { renderCall } from './retell-call.ts';
import type { RetellCall } from './account.ts';
import { parsed } from './route.ts';
import type { Route } from './route.ts';
import { agentOf, newRetellId, versionOf } from './workspace.ts';
import type { Workspace } from './account.ts';

/** Who connects a call once it is registered. */
export type Placing = {
  /** Rings the number that is called. */
  dial(call: RetellCall): void;
  /** Waits for a browser to join. */
  awaitJoin(call: RetellCall): void;
};

/** A browser that has not joined by then ends the call. */
export const JOIN_LIMIT_MS = 30_000;

export function callRoutes(clock: Clock, placing: Placing): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/v2/create-phone-call',
      answer({ workspace, body }) {
        const asked = parsed(createPhoneCallSchema, body);
        const { from_number: from, to_number: to } = asked;
        const number = numberOf(workspace, from);
        if (!isE164(to) && !asked.ignore_e164_validation)
          throw new Refusal(400, `to_number ${to} is not in E.164 format`);
        if (number.type !== 'custom' && !to.startsWith('+1'))
          throw new Refusal(400, 'Only US numbers can be called from a number bought from Retell');
        refuseBeyondLimit(workspace);
        const bound = number.outboundAgents?.[0];
        const agentId = asked.override_agent_id ?? bound?.agent_id;
        if (agentId === undefined)
          throw new Refusal(400, `No outbound agent is set for ${from}, and none was given`);
        const call = newCall(workspace, clock.now(), {
          type: 'phone_call',
          direction: 'outbound',
          from,
          to,
          agentId,
          agentVersion: asked.override_agent_version ?? bound?.agent_version,
          override: asked.agent_override?.agent,
          metadata: asked.metadata,
          dynamicVariables: asked.retell_llm_dynamic_variables,
          customSipHeaders: asked.custom_sip_headers,
          ownTrunk: number.type === 'custom',
        });
        placing.dial(call);
        return { status: 201, body: renderCall(call, 'get') };
      },
    },
    {
      method: 'POST',
      path: '/v3/create-web-call',
      answer({ workspace, body }) {
        const asked = parsed(createWebCallSchema, body);
        refuseBeyondLimit(workspace);
        const call = newCall(workspace, clock.now(), {
          type: 'web_call',
          direction: 'inbound',
          from: '',
          to: '',
          agentId: asked.agent_id,
          agentVersion: asked.agent_version,
          override: asked.agent_override?.agent,
          metadata: asked.metadata,
          dynamicVariables: asked.retell_llm_dynamic_variables,
          customSipHeaders: undefined,
          ownTrunk: false,
        });
        placing.awaitJoin(call);
        return {
          status: 201,
          body: {
            call_id: call.callId,
            access_token: newToken(32),
            expires_at: Math.floor(clock.now()) + JOIN_LIMIT_MS,
            ice_servers: [{ urls: 'stun:stun.retell.example.test:3478' }],
            transport: 'gateway',
          },
        };
      },
    },
    {
      method: 'GET',
      path: '/v2/get-call/:id',
      answer: ({ workspace, id }) => ({
        status: 200,
        body: renderCall(callOf(workspace, id), 'get'),
      }),
    },
    {
      method: 'POST',
      path: '/v3/list-calls',
      answer: ({ workspace, body }) => ({
        status: 200,
        body: listCalls(workspace.calls.values(), body),
      }),
    },
    {
      method: 'PATCH',
      path: '/v2/update-call/:id',
      answer({ workspace, id, body }) {
        const call = callOf(workspace, id);
        const changes = parsed(updateCallSchema, body);
        if (changes.metadata !== undefined) call.metadata = changes.metadata;
        if (changes.data_storage_setting !== undefined) {
          const before = call.settings.data_storage_setting ?? 'everything';
          if (STRICTNESS.indexOf(changes.data_storage_setting) < STRICTNESS.indexOf(before))
            throw new Refusal(400, 'data_storage_setting cannot be made less restrictive');
          call.settings = { ...call.settings, data_storage_setting: changes.data_storage_setting };
        }
        return { status: 200, body: renderCall(call, 'get') };
      },
    },
    {
      method: 'DELETE',
      path: '/v2/delete-call/:id',
      answer({ workspace, id }) {
        callOf(workspace, id);
        workspace.calls.delete(id);
        return { status: 204 };
      },
    },
    {
      method: 'POST',
      path: '/v2/stop-call/:id',
      answer({ workspace, id }) {
        const call = callOf(workspace, id);
        // What the real one says to a call that is over is not known.
        if (!call.stop) throw new Refusal(400, `Call ${id} is not ongoing`);
        call.stop('manual_stopped');
        return { status: 204 };
      },
    },
    {
      method: 'GET',
      path: '/get-concurrency',
      answer({ workspace }) {
        const limit = workspace.concurrencyLimit;
        return {
          status: 200,
          body: {
            base_concurrency: limit,
            purchased_concurrency: 0,
            concurrency_limit: limit,
            current_concurrency: liveCalls(workspace),
            concurrency_purchase_limit: 80,
            remaining_purchase_limit: 80,
            reserved_inbound_concurrency: 0,
            concurrency_burst_enabled: false,
            concurrency_burst_limit: 0,
          },
        };
      },
    },
  ];
}

/** @throws Refusal 404 for an agent or a version that is not there */
export function newCall(
  workspace: Workspace,
  nowMs: number,
  asked: Pick<
    RetellCall,
    | 'type'
    | 'direction'
    | 'from'
    | 'to'
    | 'agentId'
    | 'metadata'
    | 'dynamicVariables'
    | 'customSipHeaders'
    | 'ownTrunk'
  > & {
    readonly callId?: string;
    readonly agentVersion: number | string | undefined;
    readonly override: Parameters<typeof withChanges>[1];
  },
): RetellCall {
  const { agentVersion, override, callId = newRetellId('call'), ...rest } = asked;
  const version = versionOf(agentOf(workspace, asked.agentId), agentVersion);
  const call: RetellCall = {
    ...rest,
    workspace,
    callId,
    agentVersion: version.version,
    settings: withChanges(version.settings, override),
    createdAtMs: Math.floor(nowMs),
    status: 'registered',
    startMs: undefined,
    endMs: undefined,
    disconnectionReason: undefined,
    transferDestination: undefined,
    isAnalyzed: false,
    transcript: [],
    latency: { e2e: [], llm: [], llm_websocket_network_rtt: [], tts: [], asr: [] },
    tokens: [],
    stop: undefined,
  };
  workspace.calls.set(call.callId, call);
  return call;
}

/** How many calls take up concurrency now. */
export const liveCalls = (workspace: Workspace): number =>
  [...workspace.calls.values()].filter(({ stop }) => stop !== undefined).length;

function refuseBeyondLimit(workspace: Workspace): void {
  if (liveCalls(workspace) >= workspace.concurrencyLimit) throw new Refusal(429, REFUSALS[429]);
}

function callOf(workspace: Workspace, callId: string): RetellCall {
  const call = workspace.calls.get(callId);
  if (!call) throw notFound('call', callId);
  return call;
}

const STRICTNESS = ['everything', 'everything_except_pii', 'basic_attributes_only'];
const MAX_METADATA_BYTES = 50_000;
const text = z.string();
const variables = z.record(text, text);
const metadata = z
  .unknown()
  .refine(
    (value) => JSON.stringify(value ?? null).length <= MAX_METADATA_BYTES,
    'must not be larger than 50 kB',
  );
const createPhoneCallSchema = z.strictObject({
  from_number: text.min(1),
  to_number: text.min(1),
  override_agent_id: text.min(1).optional(),
  override_agent_version: versionReferenceSchema.optional(),
  agent_override: agentOverrideSchema.optional(),
  metadata: metadata.optional(),
  retell_llm_dynamic_variables: variables.optional(),
  custom_sip_headers: variables.optional(),
  ignore_e164_validation: z.boolean().optional(),
});
const createWebCallSchema = z.strictObject({
  agent_id: text.min(1),
  agent_version: versionReferenceSchema.optional(),
  agent_override: agentOverrideSchema.optional(),
  metadata: metadata.optional(),
  retell_llm_dynamic_variables: variables.optional(),
  current_node_id: text.nullable().optional(),
  current_state: text.nullable().optional(),
});
const updateCallSchema = z.strictObject({
  metadata: metadata.optional(),
  custom_attributes: z.record(text, z.union([text, z.number(), z.boolean()])).optional(),
  data_storage_setting: z
    .enum(['everything', 'everything_except_pii', 'basic_attributes_only'])
    .optional(),
});
