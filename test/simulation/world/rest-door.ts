import { startHttp } from '#sandbox/lib/http.ts';
import type { HttpExchange } from '#sandbox/lib/http.ts';

/** The carrier's REST API, for one call after the other: a port is too dear to open for each. */
export type RestDoor = AsyncDisposable & {
  readonly url: string;
  /** Who answers from now on; undefined: 503. */
  lead(onRequest: ((exchange: HttpExchange) => void) | undefined): void;
};

export async function openRestDoor(): Promise<RestDoor> {
  let answer: ((exchange: HttpExchange) => void) | undefined;
  const server = await startHttp({
    onRequest(exchange) {
      if (answer) return answer(exchange);
      exchange.response.writeHead(503, { 'content-type': 'application/json' }).end('{}');
    },
  });
  return {
    url: server.origin,
    lead: (next) => void (answer = next),
    [Symbol.asyncDispose]: () => server.close(),
  };
}
