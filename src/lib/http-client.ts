import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import type { Clock } from './clock.ts';

/** An answer whose body is still to come. */
export type HttpAnswer = {
  readonly status: number;
  readonly body: AsyncIterable<Uint8Array>;
};

/** Why there is no answer, or no more of it. */
export type HttpFault =
  | { readonly kind: 'unreachable'; readonly detail: string }
  | { readonly kind: 'timeout'; readonly detail: string };

export type HttpRequest = {
  readonly method: 'GET' | 'POST';
  /** Starts with `/`; joined to the base URL. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Aborting closes the connection, so that the other side sees it at once. */
  readonly signal: AbortSignal;
};

/** Connections to one service, kept open between requests. */
export type HttpClient = {
  /** Throws what undici throws; see `httpFault`. */
  request(request: HttpRequest): Promise<HttpAnswer>;
  /** Status and whole text, at most 64 KB, within `withinMs`; a fault as a value. */
  fetchText(
    request: Omit<HttpRequest, 'signal'>,
    options: { readonly clock: Clock; readonly withinMs: number; readonly signal?: AbortSignal },
  ): Promise<{ readonly status: number; readonly text: string } | HttpFault>;
  close(): void;
};

/** Node keeps an idle connection for 4 s, less than most turns of a conversation; servers for minutes. */
const KEEP_ALIVE_MS = 60_000;
/** Bounds what one key can open; more requests than this wait for one another. */
const MAX_CONNECTIONS = 128;
const CONNECT_WITHIN_MS = 4_000;
const MAX_TEXT_BYTES = 65_536;

/** `baseUrl`: origin and path prefix; `ws` and `wss` count as `http` and `https`. */
export function httpClient(baseUrl: string): HttpClient {
  const { origin, pathname } = new URL(baseUrl.replace(/^ws/, 'http'));
  const prefix = pathname.replace(/\/+$/, '');
  const agent = new Agent({
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    connections: MAX_CONNECTIONS,
    pipelining: 1,
    connect: { timeout: CONNECT_WITHIN_MS },
    // Deadlines are the caller's, on the injected clock.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  /** Something has been answered, so a connection may have been kept, and may have ended since. */
  let mayBeStale = false;
  const request = async (asked: HttpRequest): Promise<HttpAnswer> => {
    const send = (): Promise<Dispatcher.ResponseData> =>
      agent.request({
        origin,
        path: `${prefix}${asked.path}`,
        method: asked.method,
        headers: asked.headers,
        body: asked.body ?? null,
        signal: asked.signal,
      });
    try {
      const { statusCode, body } = await send();
      mayBeStale = true;
      return { status: statusCode, body };
    } catch (error) {
      // A kept connection that the server closed as we wrote to it: nothing was answered, so once more
      // on a new one is safe, and the caller on the phone does not pay for it.
      if (asked.signal.aborted || !mayBeStale || !isStaleConnection(error)) throw error;
      const { statusCode, body } = await send();
      return { status: statusCode, body };
    }
  };

  return {
    request,
    async fetchText(asked, { clock, withinMs, signal }) {
      const stop = new AbortController();
      const cancel = clock.after(withinMs, () => stop.abort(new TimeoutFault(withinMs)));
      const both = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
      try {
        const { status, body } = await request({ ...asked, signal: both });
        return { status, text: await textOfBody(body) };
      } catch (error) {
        return httpFault(error);
      } finally {
        cancel();
      }
    },
    close() {
      // Destroying rejects what is still going on; whoever asked has already been told to stop.
      agent.destroy().catch(() => undefined);
    },
  };
}

/** What a deadline aborts a request with. */
export class TimeoutFault extends Error {
  override readonly name = 'TimeoutFault';
  constructor(withinMs: number) {
    super(`no answer within ${withinMs} ms`);
  }
}

/** What went wrong with a request or with the body of its answer. */
export function httpFault(error: unknown): HttpFault {
  if (error instanceof TimeoutFault) return { kind: 'timeout', detail: error.message };
  const code = codeOf(error);
  const detail =
    error instanceof Error && error.message !== '' ? error.message : (code ?? 'no connection');
  const isTimeout = code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT';
  return { kind: isTimeout ? 'timeout' : 'unreachable', detail };
}

/** The whole body as text, cut at 64 KB. */
export async function textOfBody(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let byteCount = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    byteCount += chunk.byteLength;
    if (byteCount >= MAX_TEXT_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_TEXT_BYTES).toString('utf8');
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;

const isStaleConnection = (error: unknown): boolean =>
  ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(codeOf(error) ?? '');
