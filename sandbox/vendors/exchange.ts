import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Mutable, RequestRecord } from './records.ts';

/** One HTTP request and its answer. */
export type Exchange = {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  body(): Promise<string>;
  reply(status: number, headers: Readonly<Record<string, string>>, body: object): void;
  /** Starts an answer of many parts. */
  start(status: number, headers: Readonly<Record<string, string>>): void;
  write(part: string | Uint8Array): void;
  end(): void;
  /** Cuts the connection. */
  reset(): void;
  /** From now on nothing is sent, and the connection stays open. */
  silence(): void;
  /** Called once, when the connection ends before the answer does; at once if it has. */
  onAbort(gone: () => void): void;
};

const BODY_LIMIT_BYTES = 8 * 1024 * 1024;

export function createExchange(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  entry: Mutable<RequestRecord>,
): Exchange {
  let silent = false;
  let cut = false;
  let isGone = false;
  let gone: (() => void) | undefined;
  response.on('close', () => {
    if (response.writableEnded) return;
    isGone = true;
    entry.aborted = !cut;
    gone?.();
  });
  const start: Exchange['start'] = (status, headers) => {
    if (silent || response.headersSent) return;
    entry.status = status;
    response.writeHead(status, headers);
    response.flushHeaders();
  };
  return {
    method: request.method ?? 'GET',
    url,
    headers: request.headers,
    async body() {
      const parts: Buffer[] = [];
      let bytes = 0;
      for await (const part of request as AsyncIterable<Buffer>) {
        bytes += part.length;
        if (bytes > BODY_LIMIT_BYTES) throw new RangeError('the request body is too large');
        parts.push(part);
      }
      return Buffer.concat(parts).toString('utf8');
    },
    reply(status, headers, body) {
      if (silent || response.headersSent) return;
      entry.status = status;
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(body));
    },
    start,
    write(part) {
      if (!silent && !response.destroyed) response.write(part);
    },
    end() {
      if (!silent) response.end();
    },
    reset() {
      cut = true;
      request.socket.resetAndDestroy();
    },
    silence() {
      silent = true;
    },
    onAbort(listener) {
      if (isGone) listener();
      else gone = listener;
    },
  };
}
