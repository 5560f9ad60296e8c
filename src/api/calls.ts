import { z } from 'zod';
import { VoiceError } from '#lib/errors.ts';
import {
  callPageSchema,
  callQuerySchema,
  callSchema,
  journalSchema,
  saySchema,
} from '#protocol/calls.ts';
import type { Call } from '#protocol/calls.ts';
import { filterOf, pageOf, readCursor } from './call-pages.ts';
import type { ApiParts } from './parts.ts';
import { requireInstance, security } from './route.ts';
import type { Api } from './route.ts';
import { callParams, instanceParams } from './validation.ts';

const tags = ['Calls'];

/** Calls over time, and one call: its record and journal, and the ways to speak in it, end and erase it. */
export function registerCalls(api: Api, parts: ApiParts): void {
  api.get(
    '/instances/:instance_id/calls',
    {
      config: { access: { scope: 'instances:read' } },
      schema: {
        tags,
        security,
        summary: 'List Calls',
        description:
          'The calls of an agent, newest first, live ones and ended ones, a page at a time.',
        params: instanceParams,
        querystring: callQuerySchema,
        response: { 200: callPageSchema },
      },
    },
    async ({ principal, params, query }) => {
      const { tenantId } = principal;
      const after = readCursor(query.cursor);
      const { id } = await requireInstance(parts.store, tenantId, params.instance_id);
      const { limit } = query;
      const found = await parts.store.calls.page(tenantId, id, filterOf(query), {
        after,
        limit: limit + 1,
      });
      return pageOf(found, limit, parts.live.list(id), parts.clock.now());
    },
  );

  api.get(
    '/calls/:call_id',
    {
      config: { access: { scope: 'instances:read' } },
      schema: {
        tags,
        security,
        summary: 'Read Call',
        description: 'A live or ended call with its turns: what was said and what was heard.',
        params: callParams,
        response: { 200: callSchema },
      },
    },
    async ({ principal, params }) => requireCall(parts, principal.tenantId, params.call_id),
  );

  api.get(
    '/calls/:call_id/journal',
    {
      config: { access: { scope: 'instances:read' } },
      schema: {
        tags,
        security,
        summary: 'Read Journal',
        description:
          'What happened in a call and what was decided, moment by moment: enough to replay it. Of a live call, up to its last turn.',
        params: callParams,
        response: { 200: journalSchema },
      },
    },
    async ({ principal, params }) => {
      const { call_id } = await requireCall(parts, principal.tenantId, params.call_id);
      const entries = await parts.store.calls.journal(principal.tenantId, call_id);
      return { call_id, entries: [...entries] };
    },
  );

  api.post(
    '/calls/:call_id/hangup',
    {
      config: { access: { scope: 'instances:write' } },
      schema: {
        tags,
        security,
        summary: 'Hang Up Call',
        description: 'Ends a live call politely: the agent says goodbye and hangs up.',
        params: callParams,
        response: { 202: callSchema },
      },
    },
    async ({ principal, params }, reply) => {
      const call = await requireCall(parts, principal.tenantId, params.call_id);
      if (call.state === 'ended') throw new VoiceError('conflict', 'The call has ended already.');
      if (!(await parts.live.hangUp(call.call_id)))
        throw new VoiceError('conflict', 'The call is not carried by this node.');
      return reply.code(202).send(await requireCall(parts, principal.tenantId, call.call_id));
    },
  );

  api.post(
    '/calls/:call_id/say',
    {
      config: { access: { scope: 'instances:write' } },
      schema: {
        tags,
        security,
        summary: 'Say In Call',
        description:
          'The agent says a text word for word, as soon as neither side speaks, and knows that it did.',
        params: callParams,
        body: saySchema,
        response: { 202: callSchema },
      },
    },
    async ({ principal, params, body }, reply) => {
      const call = await requireCall(parts, principal.tenantId, params.call_id);
      if (call.state === 'ended') throw new VoiceError('conflict', 'The call has ended already.');
      if (!parts.live.say(call.call_id, body.text))
        throw new VoiceError('conflict', 'The call is not led by this node.');
      return reply.code(202).send(call);
    },
  );

  registerErasure(api, parts);
}

function registerErasure(api: Api, parts: ApiParts): void {
  api.delete(
    '/calls/:call_id',
    {
      config: { access: { scope: 'instances:delete' } },
      schema: {
        tags,
        security,
        summary: 'Erase Call',
        description:
          'Erases an ended call for good: its record, turns, journal and what its provider told of it.',
        params: callParams,
        response: { 204: z.undefined().meta({ description: 'The call is erased.' }) },
      },
    },
    async ({ principal, params }, reply) => {
      const erased = await parts.store.calls.erase(principal.tenantId, params.call_id);
      if (erased === 'not-found') throw new VoiceError('not_found', 'Call not found');
      if (erased === 'live')
        throw new VoiceError('conflict', 'The call is still going on; hang up first.');
      parts.live.forget(params.call_id);
      return reply.code(204).send();
    },
  );
}

async function requireCall(parts: ApiParts, tenantId: string, callId: string): Promise<Call> {
  const call = await parts.store.calls.get(tenantId, callId);
  if (!call) throw new VoiceError('not_found', 'Call not found');
  if (call.state === 'ended') return call;
  const newer = parts.live.list(call.instance_id).find((live) => live.callId === callId);
  return newer ? { ...call, state: newer.state } : call;
}
