import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '#lib/clock.ts';
import { isRecord } from '#lib/record.ts';
import type { HttpExchange } from '#sandbox/lib/http.ts';
import { Refusal, REFUSALS } from './refusal.ts';
import type { RestAnswer, Route } from './route.ts';
import type { Workspace } from './account.ts';

/** One request to the REST API. */
export type ReceivedRequest = {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly atMs: number;
  /** Undefined where the connection was cut instead of an answer. */
  readonly status: number | undefined;
  /** Of a refusal. */
  readonly message: string | undefined;
};

/** What goes wrong with requests to the REST API. */
export type RestFault = {
  /** Undefined: every path. Otherwise those that begin so, such as `/v2/create-phone-call`. */
  readonly path?: string;
  /** How many requests it hits; undefined: all until the faults are changed. */
  readonly times?: number;
} & (
  | { readonly kind: 'answer'; readonly status: 401 | 402 | 422 | 429 | 500 }
  /** The connection is cut before anything is done. */
  | { readonly kind: 'reset' }
  /** It is done, and the connection is cut before the answer: who asks again may do it twice. */
  | { readonly kind: 'lost-answer' }
  /** It is not done, and no answer ever comes. */
  | { readonly kind: 'hang' }
);

export type Rest = {
  readonly onRequest: (exchange: HttpExchange) => Promise<void>;
  /** In place of those before. Each request suffers the first one that fits it. */
  setFaults(faults: readonly RestFault[]): void;
};

/** Retell's REST API: a key in `Authorization: Bearer`, JSON in and out. */
export function createRest(options: {
  readonly clock: Clock;
  readonly routes: readonly Route[];
  readonly workspaces: readonly Workspace[];
  readonly record: (received: ReceivedRequest) => void;
}): Rest {
  const { clock, workspaces } = options;
  const routes = options.routes.map((route) => ({ ...route, pattern: patternOf(route.path) }));
  let faults: { readonly fault: RestFault; left: number }[] = [];

  const takeFault = (path: string): RestFault | undefined => {
    const found = faults.find(({ fault, left }) => left > 0 && path.startsWith(fault.path ?? ''));
    if (found) found.left -= 1;
    return found?.fault;
  };

  const answer = async ({ method, url, request, body }: HttpExchange): Promise<RestAnswer> => {
    const workspace = authenticated(workspaces, request.headers.authorization);
    const here = routes.filter(({ pattern }) => pattern.test(url.pathname));
    const route = here.find((one) => one.method === method);
    if (!route) throw new Refusal(here.length > 0 ? 405 : 404, 'Not Found');
    const [, id = ''] = route.pattern.exec(url.pathname) ?? [];
    return route.answer({
      workspace,
      id: decodeURIComponent(id),
      query: url.searchParams,
      body: jsonOf(body),
    });
  };

  return {
    setFaults: (next) =>
      void (faults = next.map((fault) => ({
        fault,
        left: fault.times ?? Number.POSITIVE_INFINITY,
      }))),
    async onRequest(exchange) {
      const { method, url, request, response, body } = exchange;
      const fault = takeFault(url.pathname);
      const atMs = clock.now();
      const note = (status: number | undefined, message?: string): void =>
        options.record({
          method,
          path: url.pathname,
          query: Object.fromEntries(url.searchParams),
          body: quietJson(body),
          atMs,
          status,
          message,
        });
      if (fault?.kind === 'hang') return note(undefined);
      if (fault?.kind === 'reset') {
        note(undefined);
        request.socket.resetAndDestroy();
        return;
      }
      let answered: RestAnswer;
      let message: string | undefined;
      try {
        if (fault?.kind === 'answer') throw new Refusal(fault.status, REFUSALS[fault.status]);
        answered = await answer(exchange);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        ({ message } = error);
        answered = { status: error.status, body: { status: 'error', message } };
      }
      if (fault?.kind === 'lost-answer') {
        note(undefined);
        request.socket.resetAndDestroy();
        return;
      }
      note(answered.status, message);
      if (answered.body === undefined) response.writeHead(answered.status).end();
      else {
        response.writeHead(answered.status, { 'content-type': 'application/json; charset=utf-8' });
        response.end(JSON.stringify(answered.body));
      }
    },
  };
}

function authenticated(
  workspaces: readonly Workspace[],
  authorization: string | undefined,
): Workspace {
  const [, key = ''] = /^Bearer (\S+)$/.exec(authorization ?? '') ?? [];
  const found = workspaces.find(({ apiKeys }) => apiKeys.some((own) => same(own, key)));
  if (!found) throw new Refusal(401, REFUSALS[401]);
  return found;
}

const patternOf = (path: string): RegExp => new RegExp(`^${path.replace(':id', '([^/]+)')}$`);

/** @throws Refusal 400 */
function jsonOf(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return value;
  } catch {
    throw new Refusal(400, 'request body must be JSON');
  }
}

/** For the record of requests: what is no JSON object is left out. */
function quietJson(body: Buffer): unknown {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function same(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
