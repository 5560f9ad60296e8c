import { randomInt } from 'node:crypto';
import type { z } from 'zod';
import type { Clock } from '#lib/clock.ts';
import { isE164 } from '#sandbox/carrier/accounts.ts';
import {
  checkWeights,
  createNumberSchema,
  importNumberSchema,
  refuseDeprecated,
  updateNumberSchema,
} from './number-body.ts';
import type { WeightedAgents } from './number-body.ts';
import { notFound, Refusal } from './refusal.ts';
import { objectOf, pageOf, pageQuery, parsed } from './route.ts';
import type { Route } from './route.ts';
import { agentOf, versionOf } from './workspace.ts';
import type { PhoneNumber, Workspace } from './account.ts';

/**
 * Phone numbers. `ownerOf` tells which workspace has a number: a number that another one has cannot
 * be bought or imported. What the real API says then is not known.
 */
export function numberRoutes(
  clock: Clock,
  ownerOf: (phoneNumber: string) => Workspace | undefined,
): readonly Route[] {
  const add = (workspace: Workspace, number: PhoneNumber): PhoneNumber => {
    if (ownerOf(number.phoneNumber))
      throw new Refusal(400, `Phone number ${number.phoneNumber} already exists`);
    workspace.numbers.set(number.phoneNumber, number);
    return number;
  };
  const bind = (
    workspace: Workspace,
    number: PhoneNumber,
    body: z.infer<typeof updateNumberSchema>,
  ): void => {
    checkBindings(workspace, body);
    const { inbound_agents: inbound, outbound_agents: outbound } = body;
    if (inbound !== undefined) number.inboundAgents = inbound;
    if (outbound !== undefined) number.outboundAgents = outbound;
    if (body.inbound_webhook_url !== undefined) number.inboundWebhookUrl = body.inbound_webhook_url;
    if (body.nickname !== undefined) number.nickname = body.nickname;
    if (body.fallback_number !== undefined) number.fallbackNumber = body.fallback_number;
    if (body.transport !== undefined) number.transport = body.transport;
    if (body.allowed_inbound_country_list !== undefined)
      number.allowedInbound = body.allowed_inbound_country_list;
    if (body.allowed_outbound_country_list !== undefined)
      number.allowedOutbound = body.allowed_outbound_country_list;
  };

  return [
    {
      method: 'POST',
      path: '/create-phone-number',
      answer({ workspace, body }) {
        refuseDeprecated(objectOf(body));
        const asked = parsed(createNumberSchema, body);
        checkBindings(workspace, asked);
        const area = asked.area_code ?? 202;
        const number = add(workspace, {
          ...blankNumber(asked.phone_number ?? `+1${area}555${randomInt(100, 200)}9`, clock.now()),
          type: asked.number_provider === 'telnyx' ? 'retell-telnyx' : 'retell-twilio',
          areaCode: area,
        });
        bind(workspace, number, asked);
        return { status: 201, body: renderNumber(number) };
      },
    },
    {
      method: 'POST',
      path: '/import-phone-number',
      answer({ workspace, body }) {
        refuseDeprecated(objectOf(body));
        const asked = parsed(importNumberSchema, body);
        checkBindings(workspace, asked);
        const isLoose = asked.ignore_e164_validation ?? true;
        if (!isLoose && !isE164(asked.phone_number))
          throw new Refusal(400, `Phone number ${asked.phone_number} is not in E.164 format`);
        const number = add(workspace, {
          ...blankNumber(asked.phone_number, clock.now()),
          type: 'custom',
          terminationUri: asked.termination_uri,
          authUsername: asked.sip_trunk_auth_username,
          authPassword: asked.sip_trunk_auth_password,
          transport: asked.transport ?? 'TCP',
        });
        bind(workspace, number, {
          inbound_agents: asked.inbound_agents,
          outbound_agents: asked.outbound_agents,
          inbound_webhook_url: asked.inbound_webhook_url,
          nickname: asked.nickname,
          allowed_inbound_country_list: asked.allowed_inbound_country_list,
          allowed_outbound_country_list: asked.allowed_outbound_country_list,
        });
        return { status: 201, body: renderNumber(number) };
      },
    },
    {
      method: 'GET',
      path: '/get-phone-number/:id',
      answer: ({ workspace, id }) => ({ status: 200, body: renderNumber(numberOf(workspace, id)) }),
    },
    {
      method: 'PATCH',
      path: '/update-phone-number/:id',
      answer({ workspace, id, body }) {
        const number = numberOf(workspace, id);
        refuseDeprecated(objectOf(body));
        const changes = parsed(updateNumberSchema, body);
        const trunk = [changes.termination_uri, changes.auth_username, changes.auth_password];
        if (number.type !== 'custom' && trunk.some((value) => value !== undefined))
          throw new Refusal(400, 'Only an imported number has a SIP trunk');
        bind(workspace, number, changes);
        number.terminationUri = changes.termination_uri ?? number.terminationUri;
        number.authUsername = changes.auth_username ?? number.authUsername;
        number.authPassword = changes.auth_password ?? number.authPassword;
        number.modifiedAtMs = clock.now();
        return { status: 200, body: renderNumber(number) };
      },
    },
    {
      method: 'GET',
      path: '/v2/list-phone-numbers',
      answer({ workspace, query }) {
        const { limit, key, isAscending } = pageQuery(query);
        const all = [...workspace.numbers.values()].toSorted(
          (left, right) => left.modifiedAtMs - right.modifiedAtMs,
        );
        const { items, ...rest } = pageOf(isAscending ? all : all.toReversed(), { limit, key });
        return { status: 200, body: { items: items.map(renderNumber), ...rest } };
      },
    },
    {
      method: 'DELETE',
      path: '/delete-phone-number/:id',
      answer({ workspace, id }) {
        numberOf(workspace, id);
        workspace.numbers.delete(id);
        return { status: 204 };
      },
    },
  ];
}

/** @throws Refusal 404 */
export function numberOf(workspace: Workspace, phoneNumber: string): PhoneNumber {
  const number = workspace.numbers.get(phoneNumber);
  if (!number) throw notFound('phone-number', phoneNumber);
  return number;
}

/** A number that Retell sold, bound to nothing. */
export const blankNumber = (phoneNumber: string, nowMs: number): PhoneNumber => ({
  phoneNumber,
  type: 'retell-twilio',
  modifiedAtMs: nowMs,
  nickname: undefined,
  areaCode: undefined,
  inboundAgents: undefined,
  outboundAgents: undefined,
  inboundWebhookUrl: undefined,
  fallbackNumber: undefined,
  allowedInbound: undefined,
  allowedOutbound: undefined,
  terminationUri: undefined,
  authUsername: undefined,
  authPassword: undefined,
  transport: undefined,
});

function checkBindings(
  workspace: Workspace,
  body: {
    readonly inbound_agents?: WeightedAgents | null | undefined;
    readonly outbound_agents?: WeightedAgents | null | undefined;
  },
): void {
  for (const name of ['inbound_agents', 'outbound_agents'] as const) {
    checkWeights(name, body[name]);
    for (const { agent_id, agent_version } of body[name] ?? [])
      versionOf(agentOf(workspace, agent_id), agent_version);
  }
}

function renderNumber(number: PhoneNumber): object {
  const optional = {
    area_code: number.areaCode,
    allowed_inbound_country_list: number.allowedInbound,
    allowed_outbound_country_list: number.allowedOutbound,
    fallback_number: number.fallbackNumber,
    inbound_agents: number.inboundAgents,
    inbound_webhook_url: number.inboundWebhookUrl,
    nickname: number.nickname,
    outbound_agents: number.outboundAgents,
    ...(number.type === 'custom' && {
      sip_outbound_trunk_config: {
        termination_uri: number.terminationUri,
        auth_username: number.authUsername,
        transport: number.transport,
      },
    }),
  };
  return {
    phone_number: number.phoneNumber,
    phone_number_type: number.type,
    phone_number_pretty: pretty(number.phoneNumber),
    last_modification_timestamp: number.modifiedAtMs,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}

const pretty = (phoneNumber: string): string =>
  phoneNumber.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, '+1 ($1) $2-$3');
