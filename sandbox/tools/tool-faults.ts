import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '#lib/clock.ts';
import type { HttpExchange } from '#sandbox/lib/http.ts';

/** What can go wrong with one request to a server of tools. */
export type ToolFault =
  /** The answer comes so late. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** Taken, and never answered. */
  | { readonly kind: 'hang' }
  /** Headers and the beginning of a body, then nothing. */
  | { readonly kind: 'stall' }
  /** 200 with so many bytes of text. */
  | { readonly kind: 'huge'; readonly bytes: number }
  /** 200 with a JSON content type and no JSON. */
  | { readonly kind: 'malformed' }
  /** 200 with a picture. */
  | { readonly kind: 'binary' }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'redirect'; readonly to: string }
  /** The connection is reset in the middle of the body. */
  | { readonly kind: 'cut' }
  /** The connection is reset before an answer. */
  | { readonly kind: 'reset' };

/** Answers as the fault says. True: it was all of the answer. */
export async function suffer(
  fault: ToolFault | undefined,
  { request, response }: HttpExchange,
  clock: Clock,
): Promise<boolean> {
  switch (fault?.kind) {
    case undefined:
      return false;
    case 'slow': {
      const gone = new AbortController();
      response.once('close', () => gone.abort());
      await clock.sleep(fault.delayMs, gone.signal).catch(() => undefined);
      return gone.signal.aborted;
    }
    case 'hang':
      return true;
    case 'stall':
      begin(response, 1_000);
      return true;
    case 'huge':
      await sendHuge(response, fault.bytes);
      return true;
    case 'malformed':
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"table": "by the win');
      return true;
    case 'binary':
      response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.alloc(64, 0x89));
      return true;
    case 'status':
      response
        .writeHead(fault.status, { 'content-type': 'text/plain' })
        .end(fault.status === 204 ? undefined : 'something is wrong here');
      return true;
    case 'redirect':
      response.writeHead(307, { location: fault.to }).end();
      return true;
    case 'cut':
      begin(response, 1_000);
      setImmediate(() => request.socket.resetAndDestroy());
      return true;
    case 'reset':
      request.socket.resetAndDestroy();
      return true;
  }
}

function begin(response: ServerResponse, length: number): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': length });
  response.write('{"table": ');
}

/** As fast as the other side takes it, until it has enough. */
async function sendHuge(response: ServerResponse, bytes: number): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/plain' });
  const piece = 'all the tables there are, '.repeat(2_000);
  const pieces = function* () {
    for (let sent = 0; sent < bytes; sent += piece.length) yield piece;
  };
  await pipeline(pieces, response).catch(() => undefined);
}
