import { VoiceError } from '#lib/errors.ts';
import { callSchema, journalSchema } from '#protocol/calls.ts';
import type { Call } from '#protocol/calls.ts';
import type { ApiParts } from './parts.ts';
import { security } from './route.ts';
import type { Api } from './route.ts';
import { callParams } from './validation.ts';

const tags = ['Calls'];

/** One call: its record and journal, and the way to end it. */
export function registerCalls(api: Api, parts: ApiParts): void {
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
}

async function requireCall(parts: ApiParts, tenantId: string, callId: string): Promise<Call> {
  const call = await parts.store.calls.get(tenantId, callId);
  if (!call) throw new VoiceError('not_found', 'Call not found');
  if (call.state === 'ended') return call;
  const newer = parts.live.list(call.instance_id).find((live) => live.callId === callId);
  return newer ? { ...call, state: newer.state } : call;
}
