import type {
  CallToolResult,
  Client,
  FetchLike,
  JsonSchemaValidator,
  jsonSchemaValidator,
} from '@modelcontextprotocol/client';
import type { ToolDefinition } from '#contracts/language-model.ts';
import type { Clock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import { PrivateAddressError } from '#lib/guarded-agent.ts';
import { compileSchema } from '#lib/json-schema.ts';
import type { JsonRecord } from '#lib/record.ts';
import type { AgentConfig } from '#protocol/agent-config.ts';
import { parametersOf, result, ToolFault } from './tool.ts';
import type { Tool } from './tool.ts';

type McpServerConfig = AgentConfig['mcp_servers'][number];

/** The tools of one MCP server, for one call. */
export type McpServer = {
  /** None until the server has listed them. */
  readonly tools: readonly Tool[];
  /** Resolves when they are listed, or it is certain that they will not be. */
  readonly settled: Promise<void>;
  /** Ends the connection. A result that is waited for does not come any more. */
  close(): void;
};

/** The caller is being greeted meanwhile; a server that has not answered by then has no tools in this call. */
const CONNECT_WITHIN_MS = 6_000;
const END_WITHIN_MS = 2_000;
const MAX_TOOLS = 64;
const MAX_PAGES = 4;
const MAX_SCHEMA_CHARS = 16_384;
const MAX_DESCRIPTION_CHARS = 1_024;
const MAX_NAME_CHARS = 64;
/** The client has time limits of its own, on the machine's clock; ours come first. */
const CLIENT_TIMEOUT_MS = 60_000;

/** Connects at once. Never throws: a server that fails costs the call its tools and no more. */
export function connectMcpServer(
  server: McpServerConfig,
  parts: {
    readonly bearerToken: string | undefined;
    readonly fetch: FetchLike;
    readonly clock: Clock;
    readonly note: (text: string) => void;
  },
): McpServer {
  const { bearerToken, clock, note } = parts;
  const secrets = bearerToken === undefined ? [] : [bearerToken];
  let tools: readonly Tool[] = [];
  let client: Client | undefined;
  let endSession = (): Promise<void> => Promise.resolve();
  const closing = new AbortController();

  const connect = async (): Promise<void> => {
    const startedMs = clock.now();
    const late = new AbortController();
    const cancelLate = clock.after(CONNECT_WITHIN_MS, () =>
      late.abort(new Error(`no answer within ${CONNECT_WITHIN_MS} ms`)),
    );
    const signal = AbortSignal.any([late.signal, closing.signal]);
    try {
      tools = await raced(open(signal), signal);
      const afterMs = Math.round(clock.now() - startedMs);
      note(`MCP server ${server.name}: ${tools.length} tools after ${afterMs} ms`);
    } catch (error) {
      const why = reasonOf(signal.aborted ? signal.reason : error, secrets);
      note(`MCP server ${server.name}: no tools, ${why}`);
      await end();
    } finally {
      cancelLate();
    }
  };

  const open = async (signal: AbortSignal): Promise<readonly Tool[]> => {
    // Loaded with the first server, not with ours: it costs 30 MB.
    const sdk = await import('@modelcontextprotocol/client');
    signal.throwIfAborted();
    const transport = new sdk.StreamableHTTPClientTransport(new URL(server.url), {
      fetch: parts.fetch,
      requestInit: {
        redirect: 'error',
        headers: bearerToken === undefined ? {} : { authorization: `Bearer ${bearerToken}` },
      },
    });
    const connecting = new sdk.Client(
      { name: 'hydracore-voice', version: '1' },
      {
        versionNegotiation: { mode: 'auto' },
        listMaxPages: MAX_PAGES,
        jsonSchemaValidator: resultsUnchecked,
      },
    );
    client = connecting;
    endSession = () => transport.terminateSession();
    await connecting.connect(transport, { signal, timeout: CLIENT_TIMEOUT_MS });
    const listed = await connecting.listTools(undefined, { signal, timeout: CLIENT_TIMEOUT_MS });
    const usable: ListedTool[] = [];
    for (const tool of listed.tools.slice(0, MAX_TOOLS))
      if (await isUsable(tool)) usable.push(tool);
    if (usable.length < listed.tools.length)
      note(
        `MCP server ${server.name}: tools left out, too many or not described as they should be`,
      );
    signal.throwIfAborted();
    return toolsOf(usable, (name, given, toolSignal) =>
      connecting
        .callTool(
          { name, arguments: { ...given } },
          { signal: toolSignal, timeout: CLIENT_TIMEOUT_MS },
        )
        .catch((error: unknown) => {
          throw new ToolFault(`The tool failed: ${reasonOf(error, secrets)}`);
        }),
    );
  };

  const toolsOf = (listed: readonly ListedTool[], call: CallTool): readonly Tool[] => {
    const names = new Set<string>();
    return listed.map((tool) => {
      const name = uniqueName(`${server.name}_${tool.name}`, names);
      return {
        definition: definitionOf(name, tool),
        lasting: !server.cancel_on_interruption,
        timeoutMs: server.timeout_ms,
        secrets,
        run: async (given, signal) => result(textOfResult(await call(tool.name, given, signal))),
      };
    });
  };

  const end = async (): Promise<void> => {
    const ended = client;
    client = undefined;
    if (!ended) return;
    const limit = new AbortController();
    await Promise.race([
      endSession().catch(() => undefined),
      clock.sleep(END_WITHIN_MS, limit.signal).catch(() => undefined),
    ]);
    limit.abort();
    await ended.close().catch(() => undefined);
  };

  const settled = connect();
  return {
    get tools() {
      return tools;
    },
    settled,
    close() {
      if (closing.signal.aborted) return;
      closing.abort(new Error('the call has ended'));
      tools = [];
      void settled.then(end);
    },
  };
}

/** Results are text for a model; a stranger's schema of them is not compiled here. */
const resultsUnchecked: jsonSchemaValidator = {
  getValidator<T>(): JsonSchemaValidator<T> {
    // Nobody looks at it as a `T`.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return (input) => ({ valid: true, data: input as T, errorMessage: undefined });
  },
};

type ListedTool = {
  readonly name: string;
  readonly description?: string | undefined;
  readonly inputSchema: JsonRecord;
};
type CallTool = (name: string, given: JsonRecord, signal: AbortSignal) => Promise<CallToolResult>;

const definitionOf = (name: string, { description, inputSchema }: ListedTool): ToolDefinition => ({
  name,
  description: (description ?? '').slice(0, MAX_DESCRIPTION_CHARS).toWellFormed(),
  parameters: parametersOf(inputSchema),
});

/** One that no vendor can be told of would make every request to the model fail. */
const isUsable = async ({ inputSchema }: ListedTool): Promise<boolean> =>
  JSON.stringify(inputSchema).length <= MAX_SCHEMA_CHARS &&
  inputSchema['type'] === 'object' &&
  (await compileSchema(inputSchema)).ok;

/** A name that every model's vendor takes, and no other tool of the server has. */
function uniqueName(wanted: string, taken: Set<string>): string {
  const plain = wanted.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, MAX_NAME_CHARS);
  let name = plain;
  for (let count = 2; taken.has(name); count++) {
    const suffix = `_${count}`;
    name = plain.slice(0, MAX_NAME_CHARS - suffix.length) + suffix;
  }
  taken.add(name);
  return name;
}

/** Text as it is; of what is no text, that it is there. */
function textOfResult(answer: CallToolResult): string {
  const text = answer.content
    .map((part) => {
      if (part.type === 'text') return part.text;
      if (part.type === 'resource' && 'text' in part.resource) return part.resource.text;
      if (part.type === 'resource_link') return part.uri;
      return `[${part.type}, which cannot be told on the telephone]`;
    })
    .join('\n');
  const whole =
    text.trim() === '' && answer.structuredContent !== undefined
      ? JSON.stringify(answer.structuredContent)
      : text;
  if (answer.isError) throw new ToolFault(`The tool says: ${whole.slice(0, 500)}`);
  return whole.trim() === '' ? 'Done.' : whole;
}

/** What went wrong, for the model and the journal. */
function reasonOf(error: unknown, secrets: readonly string[]): string {
  for (let at = error; at instanceof Error; at = at.cause)
    if (at instanceof PrivateAddressError) return at.message;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : undefined;
  const said = `${messageOf(error)}${cause ? `: ${cause.message}` : ''}`;
  return secrets
    .reduce((text, secret) => text.replaceAll(secret, '[hidden]'), said)
    .replaceAll(/\s+/g, ' ')
    .slice(0, 300);
}

/** Rejects as soon as the signal aborts, whatever the work makes of it. */
function raced<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  return Promise.race([work, aborted]);
}
