import type { ServerResponse } from 'node:http';
import {
  createMcpHandler,
  McpServer,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Clock } from '#lib/clock.ts';
import { newUuid } from '#lib/ids.ts';
import { startHttp } from '#sandbox/lib/http.ts';
import type { HttpExchange } from '#sandbox/lib/http.ts';
import { suffer } from './tool-faults.ts';
import type { ToolFault } from './tool-faults.ts';

/** An MCP server by streamable HTTP, made of the official SDK's own server side. */
export type McpTools = {
  /** `http:`, with its path. */
  readonly url: string;
  /** Names of the tools that were called, in order. */
  readonly called: readonly string[];
  /** Methods of the HTTP requests that came, in order. */
  readonly requests: readonly string[];
  /** Sessions that are open, where it has sessions. */
  readonly sessions: number;
  /** Of every request from now on. */
  fault: ToolFault | undefined;
  close(): Promise<void>;
};

/**
 * Its tools: `find.table` (a name that no model may use), `broken`, which says that it failed, `draw`,
 * whose result is a picture, `vast`, whose schema is huge, and `ponder`, which never ends.
 * @param protocol `stateless` is the protocol of 2026; `sessions` is the one before, with `initialize`
 */
export async function startMcpTools(options: {
  readonly clock: Clock;
  /** Wanted as a bearer token; absent: none. */
  readonly token?: string;
  readonly protocol?: 'stateless' | 'sessions';
}): Promise<McpTools> {
  const { clock, token, protocol = 'stateless' } = options;
  const called: string[] = [];
  const requests: string[] = [];
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();
  const handler = createMcpHandler(() => newServer(called));

  const inSession = async (request: Request): Promise<Response> => {
    const known = sessions.get(request.headers.get('mcp-session-id') ?? '');
    if (known) return known.handleRequest(request);
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: newUuid,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    await newServer(called).connect(transport);
    return transport.handleRequest(request);
  };

  const serve = async (exchange: HttpExchange): Promise<void> => {
    const { response, method } = exchange;
    requests.push(method);
    if (token !== undefined && exchange.request.headers.authorization !== `Bearer ${token}`) {
      response.writeHead(401, { 'www-authenticate': 'Bearer' }).end('wrong token');
      return;
    }
    if (await suffer(tools.fault, exchange, clock)) return;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const request = requestOf(exchange, gone.signal);
    const answer = protocol === 'sessions' ? inSession(request) : handler.fetch(request);
    await send(await answer, response);
  };

  const server = await startHttp({ onRequest: serve });
  const tools: McpTools = {
    url: `${server.origin}/mcp`,
    called,
    requests,
    get sessions() {
      return sessions.size;
    },
    fault: undefined,
    async close() {
      await server.close();
      await Promise.all([...sessions.values()].map((transport) => transport.close()));
    },
  };
  return tools;
}

const STREETS = Array.from({ length: 2_000 }, (_, index) => `Street number ${index}`);

function newServer(called: string[]): McpServer {
  const server = new McpServer({ name: 'sandbox', version: '1' });
  server.registerTool(
    'find.table',
    {
      description: 'Finds a free table.',
      inputSchema: z.object({ guests: z.number().int().min(1).max(12) }),
    },
    ({ guests }) => {
      called.push('find.table');
      return { content: [{ type: 'text', text: `A table for ${guests} by the window.` }] };
    },
  );
  server.registerTool('broken', { description: 'Fails.' }, () => {
    called.push('broken');
    return { isError: true, content: [{ type: 'text', text: 'the book is closed' }] };
  });
  server.registerTool('draw', { description: 'Draws a plan.' }, () => {
    called.push('draw');
    return { content: [{ type: 'image', data: 'iVBORw0KGgo=', mimeType: 'image/png' }] };
  });
  server.registerTool(
    'vast',
    {
      description: 'Has more to say of its arguments than fits into a question to a model.',
      inputSchema: z.object({ street: z.enum(STREETS) }),
    },
    () => ({ content: [{ type: 'text', text: 'never asked' }] }),
  );
  server.registerTool('ponder', { description: 'Never ends.' }, () => {
    called.push('ponder');
    return new Promise(() => undefined);
  });
  return server;
}

function requestOf({ request, method, url, body }: HttpExchange, signal: AbortSignal): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined) headers.set(name, String(value));
  const hasBody = method !== 'GET' && method !== 'HEAD';
  return new Request(url, {
    method,
    headers,
    signal,
    ...(hasBody && body.length > 0 && { body: new Uint8Array(body) }),
  });
}

async function send(answer: Response, response: ServerResponse): Promise<void> {
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.flushHeaders();
  if (answer.body)
    try {
      for await (const chunk of answer.body) {
        if (response.destroyed) break;
        response.write(chunk);
      }
    } catch {
      // The other side has left.
    }
  response.end();
}
