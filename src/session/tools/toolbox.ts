import type { FetchLike } from '@modelcontextprotocol/client';
import { fetch as undiciFetch } from 'undici';
import type { Dispatcher } from 'undici';
import type { TransferAtCarrier } from '#contracts/incoming-call.ts';
import type { Transport } from '#contracts/transport.ts';
import type { Clock } from '#lib/clock.ts';
import { guardedAgent } from '#lib/guarded-agent.ts';
import type { Log } from '#lib/log.ts';
import type { AgentConfig } from '#protocol/agent-config.ts';
import { mcpTokenField, toolHeaderField } from '#protocol/agent-secrets.ts';
import type { AgentSecrets } from '#protocol/agent-secrets.ts';
import { sendDigits, transferCall } from './built-in-tools.ts';
import type { PlayTones } from './built-in-tools.ts';
import { clientTool } from './client-tool.ts';
import { httpTool } from './http-tool.ts';
import { connectMcpServer } from './mcp-server.ts';
import { createToolRunner } from './runner.ts';
import type { ToolAnswer, ToolRunner } from './runner.ts';
import { MAX_TOOLS_OF_CALL } from './tool.ts';
import type { Tool } from './tool.ts';

/** What a session gives its tools. */
export type ToolSurroundings = {
  readonly play: PlayTones;
  /** Where the line itself can be asked to; it goes before the carrier. */
  readonly transfer?: TransferAtCarrier;
  readonly note: (text: string) => void;
  readonly on: (answer: ToolAnswer) => void;
};

/** Opens the tools of one call, at its start. */
export type OpenTools = (around: ToolSurroundings) => ToolRunner;

/** The tools of every call of this node, and the connections they share. */
export type Toolbox = {
  of(call: {
    readonly agent: AgentConfig;
    readonly secrets: AgentSecrets;
    readonly transfer: TransferAtCarrier | undefined;
    /** Absent: the caller has no program to run tools in. */
    readonly callTool?: Transport['callTool'];
  }): OpenTools;
  /** Cuts what is still going on. */
  close(): Promise<void>;
};

/** An MCP server may list many tools at once; a single result is cut far below this. */
const MAX_RESPONSE_BYTES = 2 * 1_048_576;

export function createToolbox(parts: {
  /** Whether tools may be at private addresses, and called by plain HTTP. */
  readonly allowPrivate: boolean;
  readonly clock: Clock;
  readonly log: Log;
}): Toolbox {
  const { allowPrivate, clock, log } = parts;
  const dispatcher = guardedAgent({ allowPrivate, maxResponseBytes: MAX_RESPONSE_BYTES });
  const fetch = fetchOver(dispatcher);

  return {
    of:
      ({ agent, secrets, transfer, callTool }) =>
      (around) => {
        const fixed = [
          sendDigits(around.play),
          transferCall(agent.transfer_numbers, around.transfer ?? transfer) ?? [],
          agent.tools.map((tool) => httpTool(tool, headersOf(tool, secrets), dispatcher)),
          callTool ? agent.client_tools.map((tool) => clientTool(tool, callTool)) : [],
        ].flat();
        const servers = agent.mcp_servers.map((server) =>
          connectMcpServer(server, {
            bearerToken: server.bearer_token && secrets[mcpTokenField(server)],
            fetch,
            clock,
            note: around.note,
          }),
        );
        return createToolRunner({
          tools: () => usableAtOnce([...fixed, ...servers.flatMap(({ tools }) => tools)]),
          clock,
          log,
          note: around.note,
          on: around.on,
          onClose: () => servers.forEach((server) => server.close()),
        });
      },
    close: () => dispatcher.destroy(),
  };
}

/** The tools that need nothing but the line. */
export const lineToolsOnly =
  (clock: Clock, log: Log): OpenTools =>
  (around) => {
    const tools = [sendDigits(around.play)];
    return createToolRunner({ tools: () => tools, clock, log, note: around.note, on: around.on });
  };

const headersOf = (
  tool: AgentConfig['tools'][number],
  secrets: AgentSecrets,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.keys(tool.headers).flatMap((header) => {
      const value = secrets[toolHeaderField(tool, header)];
      return value === undefined ? [] : [[header, value]];
    }),
  );

/** A server's tool may be called like one of the owner's: the owner's stays. */
function usableAtOnce(tools: readonly Tool[]): readonly Tool[] {
  const byName = new Map<string, Tool>();
  for (const tool of tools)
    if (!byName.has(tool.definition.name)) byName.set(tool.definition.name, tool);
  return [...byName.values()].slice(0, MAX_TOOLS_OF_CALL);
}

/** `fetch` over our own connections, which know where they may go. */
const fetchOver = (dispatcher: Dispatcher): FetchLike => {
  // The same standard in two libraries' types.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const fetch = undiciFetch as unknown as (url: string | URL, init?: object) => Promise<Response>;
  return (url, init) => fetch(url, { ...init, dispatcher });
};
