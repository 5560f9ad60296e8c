import { z } from 'zod';
import { versionReferenceSchema } from './agent-body.ts';
import { Refusal } from './refusal.ts';

const text = z.string();
const weightedAgents = z
  .strictObject({
    agent_id: text.min(1),
    agent_version: versionReferenceSchema.optional(),
    weight: z.number().gt(0).max(1),
  })
  .array()
  .nullable()
  .optional();
const countries = text
  .regex(/^[A-Z]{2}$/)
  .array()
  .nullable()
  .optional();
const webhook = text
  .regex(/^https?:\/\/[^/\s]+/, 'must be a valid URL')
  .nullable()
  .optional();
const transport = z.enum(['TCP', 'TLS', 'UDP']).nullable().optional();
const optionalText = text.nullable().optional();

const common = {
  allowed_inbound_country_list: countries,
  allowed_outbound_country_list: countries,
  inbound_agents: weightedAgents,
  outbound_agents: weightedAgents,
  inbound_webhook_url: webhook,
  transport,
};

export const createNumberSchema = z.strictObject({
  ...common,
  area_code: z.int().min(200).max(999).optional(),
  country_code: z.enum(['US', 'CA']).optional(),
  fallback_number: optionalText,
  nickname: text.optional(),
  number_provider: z.enum(['twilio', 'telnyx']).optional(),
  phone_number: text.optional(),
  toll_free: z.boolean().optional(),
});

export const importNumberSchema = z.strictObject({
  ...common,
  phone_number: text.min(1),
  termination_uri: text.regex(/^[^\s/@]+\.[^\s/@]+$/, 'must be a host name'),
  ignore_e164_validation: z.boolean().optional(),
  nickname: text.optional(),
  sip_trunk_auth_username: text.optional(),
  sip_trunk_auth_password: text.optional(),
});

export const updateNumberSchema = z.strictObject({
  ...common,
  auth_username: text.optional(),
  auth_password: text.optional(),
  fallback_number: optionalText,
  inbound_sms_agents: weightedAgents,
  outbound_sms_agents: weightedAgents,
  inbound_sms_webhook_url: webhook,
  nickname: optionalText,
  termination_uri: text.optional(),
});

export type WeightedAgents = NonNullable<z.infer<typeof weightedAgents>>;

const SINGULAR = [
  'inbound_agent_id',
  'outbound_agent_id',
  'inbound_agent_version',
  'outbound_agent_version',
];

/**
 * @throws Refusal 400 for the singular bindings, which left the API on 2026-04-20, and for agents
 *   without a weight: both were seen to be refused with this sentence
 */
export function refuseDeprecated(body: Readonly<Record<string, unknown>>): void {
  const weightless = ['inbound_agents', 'outbound_agents'].some((name) => {
    const agents = body[name];
    return (
      Array.isArray(agents) &&
      agents.some((agent: unknown) => Reflect.get(Object(agent), 'weight') === undefined)
    );
  });
  if (weightless || SINGULAR.some((name) => name in body))
    throw new Refusal(400, 'Deprecated API usage is no longer supported');
}

/** @throws Refusal 400 unless the weights of the agents sum up to 1; no agents is no binding */
export function checkWeights(name: string, agents: WeightedAgents | null | undefined): void {
  if (!agents || agents.length === 0) return;
  const sum = agents.reduce((total, { weight }) => total + weight, 0);
  // Thirds do not sum up to 1 exactly.
  if (Math.abs(sum - 1) > 1e-6)
    throw new Refusal(400, `The weights of ${name} must sum up to 1, got ${sum}`);
}
