import { z } from 'zod';
import { isPossibleE164 } from './phone.ts';

/** Names of tools that every agent may have; no other may be called so. */
export const reservedToolNames = ['end_call', 'transfer_call', 'send_digits'] as const;

/** Stands for a secret that is stored: what is answered instead of it, and what keeps it in a change. */
export const storedSecretSchema = z
  .strictObject({ set: z.literal(true) })
  .meta({ id: 'StoredSecret', title: 'StoredSecret' });
export type StoredSecret = z.infer<typeof storedSecretSchema>;

/** A secret as it is given: its text, or `{"set": true}` to keep the one that is stored. */
export const givenSecretSchema = z.union([
  z
    .string()
    .min(1)
    .max(4_096)
    .regex(/^[\x20-\x7e]+$/),
  storedSecretSchema,
]);

/** Longest JSON Schema of a tool's arguments, as JSON text. */
const MAX_SCHEMA_CHARS = 8_192;
/** More tools than this confuse every model. */
const MAX_TOOLS = 32;
const MAX_MCP_SERVERS = 8;
const MAX_TRANSFER_NUMBERS = 32;

/** A time limit within what a caller waits for. */
const timeoutMs = z.number().int().min(500).max(20_000).default(8_000);

const webUrl = z
  .string()
  .max(2_048)
  .refine(isWebUrl, 'value is not an http or https URL without a user name, password and fragment');

function isWebUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, hash } = new URL(text);
  return /^https?:$/.test(protocol) && username + password + hash === '';
}

/** Somebody the agent may hand a call over to. */
export const transferNumberSchema = z.strictObject({
  /** What the agent calls them: `sales`. */
  name: z.string().trim().min(1).max(64),
  number: z
    .string()
    .max(32)
    .refine(isPossibleE164, 'value is not a possible phone number in E.164 form'),
  /** When to hand over to them, in words for the agent. */
  description: z.string().max(500).default(''),
});

/** Connections, lengths and the like are the HTTP client's own to say. */
const FORBIDDEN_HEADERS =
  /^(?:host|connection|content-length|content-type|content-encoding|transfer-encoding|te|trailer|upgrade|keep-alive|expect|proxy-.*)$/i;

/** Names of any kind once each. */
const unique = <Item>(items: readonly Item[], nameOf: (item: Item) => string): boolean =>
  new Set(items.map((item) => nameOf(item).toLowerCase())).size === items.length;

/** The tools of an agent, with secrets as `secret` has them. */
export const agentTools = <Secret extends z.ZodType>(secret: Secret) => {
  const common = {
    name: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/)
      .refine(
        (name) => !(reservedToolNames as readonly string[]).includes(name),
        'value is the name of a tool that every agent has',
      ),
    /** What it does and when to use it, in words for the agent. */
    description: z.string().max(1_024).default(''),
    /** JSON Schema of an object: the arguments. */
    parameters: z
      .record(z.string().max(64), z.unknown())
      .refine((schema) => schema['type'] === 'object', 'value is not a JSON Schema of an object')
      .refine(
        (schema) => JSON.stringify(schema).length <= MAX_SCHEMA_CHARS,
        `value is longer than ${MAX_SCHEMA_CHARS} characters`,
      )
      .default({ type: 'object', properties: {} }),
  };

  /** An HTTPS endpoint that the agent may call. */
  const tool = z.strictObject({
    ...common,
    url: webUrl,
    /** GET and DELETE take the arguments as a query, the others as a JSON body. */
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).default('POST'),
    /** Secret, each of them: stored encrypted, and answered as `{"set": true}`. */
    headers: z
      .record(
        z
          .string()
          .max(64)
          .regex(/^[A-Za-z0-9-]+$/)
          .refine((name) => !FORBIDDEN_HEADERS.test(name), 'this header cannot be set'),
        secret,
      )
      .refine((headers) => Object.keys(headers).length <= 16, 'more than 16 headers')
      .refine((headers) => unique(Object.keys(headers), (name) => name), 'a header is given twice')
      .default({}),
    timeout_ms: timeoutMs,
    /** False: it goes on when the caller interrupts, and its result is known to the agent later. */
    cancel_on_interruption: z.boolean().default(true),
  });

  /** Something that the caller's own program does; in calls from a browser only. */
  const clientTool = z.strictObject({
    ...common,
    timeout_ms: timeoutMs,
    cancel_on_interruption: z.boolean().default(true),
  });

  /** An MCP server, by streamable HTTP, whose tools the agent may use. */
  const mcpServer = z.strictObject({
    /** Leads the names of its tools: `crm_find_customer`. */
    name: z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,23}$/),
    url: webUrl,
    /** Secret: stored encrypted, and answered as `{"set": true}`. */
    bearer_token: secret.optional(),
    timeout_ms: timeoutMs,
    cancel_on_interruption: z.boolean().default(true),
  });

  return {
    transfer_numbers: z
      .array(transferNumberSchema)
      .max(MAX_TRANSFER_NUMBERS)
      .refine((numbers) => unique(numbers, ({ name }) => name), 'a name is given twice')
      .default([]),
    tools: z
      .array(tool)
      .max(MAX_TOOLS)
      .refine((tools) => unique(tools, ({ name }) => name), 'a name is given twice')
      .default([]),
    client_tools: z
      .array(clientTool)
      .max(MAX_TOOLS)
      .refine((tools) => unique(tools, ({ name }) => name), 'a name is given twice')
      .default([]),
    mcp_servers: z
      .array(mcpServer)
      .max(MAX_MCP_SERVERS)
      .refine((servers) => unique(servers, ({ name }) => name), 'a name is given twice')
      .default([]),
  };
};
