import { z } from 'zod';
import { VoiceError } from '#lib/errors.ts';
import { replayBasisSchema, replayReportSchema } from '#protocol/replay.ts';
import { policyOfToday } from '#replay/policy-of-today.ts';
import type { PolicyChange } from '#replay/policy-fields.ts';
import { policyChangesOf, policyPatchSchema } from '#replay/policy-patch.ts';
import { createReplayThread } from '#replay/replay-thread.ts';
import type { ReplayResult } from '#replay/replay-job.ts';
import type { ApiParts } from './parts.ts';
import { security } from './route.ts';
import type { Api } from './route.ts';
import { callParams } from './validation.ts';

const tags = ['Calls'];

const replaySchema = z
  .strictObject({
    /** What is to be otherwise, in the shape of the policy in the head of the journal. */
    policy: policyPatchSchema,
  })
  .meta({ id: 'Replay', title: 'Replay' });

/** A call led again from its journal: as it was, or with other settings. Nothing of it is stored. */
export function registerReplay(api: Api, { store, clock }: ApiParts): void {
  const thread = createReplayThread(clock);

  const replayed = async (
    tenantId: string,
    callId: string,
    changes: readonly PolicyChange[],
  ): Promise<ReplayResult> => {
    const call = await store.calls.get(tenantId, callId);
    if (!call) throw new VoiceError('not_found', 'Call not found');
    const entries = await store.calls.journal(tenantId, callId);
    const instance = await store.instances.get(tenantId, call.instance_id);
    return thread.run({
      callId,
      entries,
      turns: call.turns,
      policyOfToday: instance && policyOfToday(instance.agentConfig, entries),
      changes,
    });
  };

  api.get(
    '/calls/:call_id/replay',
    {
      config: { access: { scope: 'instances:read' } },
      schema: {
        tags,
        security,
        summary: 'Replay Call',
        description:
          'Leads a call again from its journal, on today’s code: where that would do something else, and which settings the call ran with. Of a live call, up to its last turn. 409 says why a call cannot be replayed.',
        params: callParams,
        response: { 200: replayBasisSchema },
      },
    },
    async ({ principal, params }) => replayed(principal.tenantId, params.call_id, []),
  );

  api.post(
    '/calls/:call_id/replay',
    {
      config: { access: { scope: 'instances:read' } },
      schema: {
        tags,
        security,
        summary: 'Replay Call With Another Policy',
        description:
          'Leads a call again with some settings changed: turn by turn what would have been different, and how much sooner or later each answer would have begun. Changes nothing. 409 says why a call cannot be replayed so.',
        params: callParams,
        body: replaySchema,
        response: { 200: replayReportSchema },
      },
    },
    async ({ principal, params, body }) => {
      const changes = policyChangesOf(body.policy);
      return (await replayed(principal.tenantId, params.call_id, changes)).report;
    },
  );
}
