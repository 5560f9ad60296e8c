import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '#lib/clock.ts';
import { isRecord } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { sendJson, startHttp } from '#sandbox/lib/http.ts';
import type { HttpExchange } from '#sandbox/lib/http.ts';
import { suffer } from './tool-faults.ts';
import type { ToolFault } from './tool-faults.ts';

/** One call of a tool as it arrived. */
export type ToolRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Of the body, or of the query. */
  readonly given: JsonRecord;
};

/** HTTP endpoints that an agent calls as tools. */
export type HttpTools = {
  /** `http:`, without a trailing slash. */
  readonly origin: string;
  readonly requests: readonly ToolRequest[];
  /** Of every request from now on. */
  fault: ToolFault | undefined;
  /** Requests that are still open: neither answered nor given up by the other side. */
  readonly open: number;
  close(): Promise<void>;
};

/**
 * Strict, as a service that somebody else wrote would be: arguments in another form than its own are
 * refused, and so is a wrong key.
 * @param answer what is answered with 200: text as `text/plain`, anything else as JSON
 */
export async function startHttpTools(options: {
  readonly clock: Clock;
  readonly answer: (request: ToolRequest) => unknown;
  /** Wanted in `x-api-key`; absent: none. */
  readonly key?: string;
}): Promise<HttpTools> {
  const { clock, answer, key } = options;
  const requests: ToolRequest[] = [];
  let open = 0;

  const serve = async (exchange: HttpExchange): Promise<void> => {
    const { request, response, method, url } = exchange;
    open++;
    response.once('close', () => open--);
    const refusal = refusalOf(exchange, key);
    if (refusal) return sendJson(response, refusal.status, { error: refusal.why });
    const given = givenIn(exchange);
    if (!given) return sendJson(response, 400, { error: 'the body is not a JSON object' });
    const received = { method, path: url.pathname, headers: request.headers, given };
    requests.push(received);
    if (await suffer(tools.fault, exchange, clock)) return;
    const said = answer(received);
    if (typeof said === 'string')
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(said);
    else sendJson(response, 200, said);
  };

  const server = await startHttp({ onRequest: serve });
  const tools: HttpTools = {
    origin: server.origin,
    requests,
    fault: undefined,
    get open() {
      return open;
    },
    close: () => server.close(),
  };
  return tools;
}

const hasQuery = (method: string): boolean => method === 'GET' || method === 'DELETE';

function refusalOf(
  { request, method }: HttpExchange,
  key: string | undefined,
): { readonly status: number; readonly why: string } | undefined {
  if (key !== undefined && request.headers['x-api-key'] !== key)
    return { status: 401, why: `the key ${String(request.headers['x-api-key'])} is not known` };
  if (!hasQuery(method) && request.headers['content-type'] !== 'application/json')
    return { status: 415, why: 'the content type must be application/json' };
  return undefined;
}

function givenIn({ method, url, body }: HttpExchange): JsonRecord | undefined {
  if (hasQuery(method)) return Object.fromEntries(url.searchParams);
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
