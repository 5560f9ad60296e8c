import { z } from 'zod';
import { isRecord, parseRecord } from '#lib/record.ts';
import { agentOverrideSchema, versionReferenceSchema } from './agent-body.ts';
import type { Webhooks } from './webhooks.ts';
import type { PhoneNumber, Workspace } from './account.ts';

/** What becomes of a call that comes in. */
export type InboundDecision =
  | { readonly kind: 'reject' }
  | ({ readonly kind: 'take' } & Partial<z.infer<typeof answerSchema>>);

/**
 * Asks the number's inbound webhook. Without one, without an answer, or with one that is not valid, the
 * call goes to the bound agent. Only the boolean `true` rejects, and only in a valid answer.
 */
export async function askInbound(options: {
  readonly webhooks: Webhooks;
  readonly workspace: Workspace;
  readonly number: PhoneNumber;
  readonly callId: string;
  readonly from: string;
  readonly agent: { readonly agentId: string; readonly version: number } | undefined;
  readonly customSipHeaders: Readonly<Record<string, string>> | undefined;
  readonly nowMs: number;
}): Promise<InboundDecision> {
  const { webhooks, workspace, number, callId, from, agent, customSipHeaders } = options;
  if (!number.inboundWebhookUrl) return { kind: 'take' };
  const response = await webhooks.ask(workspace, number.inboundWebhookUrl, callId, {
    event: 'call_inbound',
    event_timestamp: Math.floor(options.nowMs),
    call_inbound: {
      call_id: callId,
      ...(agent && { agent_id: agent.agentId, agent_version: agent.version }),
      from_number: from,
      to_number: number.phoneNumber,
      ...(customSipHeaders && { custom_sip_headers: customSipHeaders }),
    },
  });
  const answer = parseRecord(response?.body ?? '')?.['call_inbound'];
  if (!isRecord(answer)) return { kind: 'take' };
  const { reject, ...rest } = answer;
  const read = answerSchema.safeParse(rest);
  if (!read.success) return { kind: 'take' };
  return reject === true ? { kind: 'reject' } : { kind: 'take', ...read.data };
}

const text = z.string();
const answerSchema = z.object({
  override_agent_id: text.min(1).optional(),
  override_agent_version: versionReferenceSchema.optional(),
  dynamic_variables: z.record(text, text).optional(),
  metadata: z.unknown().optional(),
  agent_override: agentOverrideSchema.optional(),
});
