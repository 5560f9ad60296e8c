import type { AgentConfig } from '#protocol/agent-config.ts';
import type { InstanceRow } from '#protocol/instances.ts';
import { isObject, mergePatchOf } from './merge-patch.ts';
import type { Json, JsonObject } from './merge-patch.ts';
import type { RoleName } from './vendor-chain.ts';

/** Parts of the agent_config that are edited as JSON, and what each must be. */
export const JSON_FIELDS = {
  tools: 'list',
  client_tools: 'list',
  mcp_servers: 'list',
  transfer_numbers: 'list',
  voice: 'object',
} as const satisfies Partial<Record<keyof AgentConfig, 'list' | 'object'>>;
export type JsonField = keyof typeof JSON_FIELDS;
export const jsonFields = [
  'tools',
  'client_tools',
  'mcp_servers',
  'transfer_numbers',
  'voice',
] as const satisfies readonly JsonField[];

export type VendorChoice = AgentConfig['voice']['vendors'][string];
/** Names of vendors, first choice first, with commas between them; '' is the server's own order. */
export type Orders = Readonly<Record<RoleName, string>>;

/** What stands in the form of an agent. */
export type AgentForm = {
  readonly name: string;
  readonly greeting: string;
  readonly systemPrompt: string;
  readonly language: string;
  readonly orders: Orders;
  readonly vendors: Readonly<Record<string, VendorChoice>>;
  readonly json: Readonly<Record<JsonField, string>>;
};

/** The form as it begins. What has fields of its own does not stand in the JSON as well. */
export function agentFormOf({ name, agent_config: config }: InstanceRow): AgentForm {
  const { stt = [], llm = [], tts = [], vendors, ...voice } = config.voice;
  return {
    name,
    greeting: config.greeting,
    systemPrompt: config.system_prompt,
    language: config.language,
    orders: { stt: stt.join(', '), llm: llm.join(', '), tts: tts.join(', ') },
    vendors,
    json: {
      tools: pretty(config.tools),
      client_tools: pretty(config.client_tools),
      mcp_servers: pretty(config.mcp_servers),
      transfer_numbers: pretty(config.transfer_numbers),
      voice: pretty(voice),
    },
  };
}

/** As it goes over the wire: without what is undefined. */
function asJson(value: object): JsonObject {
  const json: JsonObject = JSON.parse(JSON.stringify(value));
  return json;
}

const pretty = (value: unknown): string => JSON.stringify(value, null, 2);

/** What a form asks the server to change. */
export type AgentChange = {
  /** Sentences about JSON that cannot be read, by field. */
  readonly unreadable: Readonly<Partial<Record<JsonField, string>>>;
} & (
  | { readonly is: 'same' | 'unreadable' }
  | { readonly is: 'change'; readonly body: { readonly name?: string; agent_config?: JsonObject } }
);

/** The body of the change, as short as it can be: what others changed meanwhile stays theirs. */
export function changeOf(form: AgentForm, instance: InstanceRow): AgentChange {
  const unreadable: Partial<Record<JsonField, string>> = {};
  const values: Partial<Record<JsonField, Json>> = {};
  for (const name of jsonFields) {
    const read = readJson(form.json[name], JSON_FIELDS[name]);
    if ('problem' in read) unreadable[name] = read.problem;
    else values[name] = read.value;
  }
  if (Object.keys(unreadable).length > 0) return { is: 'unreadable', unreadable };

  const orders: Record<string, Json> = {};
  for (const [role, text] of Object.entries(form.orders)) {
    const names = text.split(',').map((name) => name.trim().toLowerCase());
    const order = names.filter((name) => name !== '');
    if (order.length > 0) orders[role] = order;
  }
  const voice = isObject(values.voice) ? values.voice : {};
  const before = asJson(instance.agent_config);
  const after: JsonObject = {
    // What the form does not know stays as it is.
    ...before,
    ...values,
    greeting: form.greeting,
    system_prompt: form.systemPrompt,
    language: form.language,
    voice: { ...voice, ...orders, vendors: asJson(form.vendors) },
  };
  const patch = mergePatchOf(before, after);
  if (!patch && form.name === instance.name) return { is: 'same', unreadable };
  return {
    is: 'change',
    unreadable,
    body: {
      ...(form.name !== instance.name && { name: form.name }),
      ...(patch && { agent_config: patch }),
    },
  };
}

function readJson(
  text: string,
  kind: 'list' | 'object',
): { readonly value: Json } | { readonly problem: string } {
  let value: Json;
  try {
    value = JSON.parse(text.trim() === '' ? (kind === 'list' ? '[]' : '{}') : text);
  } catch (error) {
    return { problem: `This is not JSON: ${error instanceof Error ? error.message : ''}` };
  }
  if (kind === 'list' ? !Array.isArray(value) : !isObject(value))
    return {
      problem: kind === 'list' ? 'This must be a list: [ … ].' : 'This must be an object: { … }.',
    };
  return { value };
}
