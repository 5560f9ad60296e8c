import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Api } from './route.ts';

/** How long a browser may remember what it was allowed. */
const REMEMBERED_SECONDS = '600';
const REQUEST_HEADERS = 'authorization, content-type, x-api-key';

/**
 * Lets pages of other origins, and of no others than these, POST to `url` and read the answer, also
 * where it is an error. Who asks is told by a header, never by a cookie, so nothing is allowed that a
 * page could do in its person's name without having the key itself.
 */
export function allowOrigins(api: Api, url: string, origins: readonly string[]) {
  // Not before: a request without a valid key is answered ahead of a route's own hooks.
  const onSend = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    // The answer differs by it also where it is not one of them.
    reply.header('vary', 'origin');
    const { origin } = request.headers;
    if (origin === undefined || !origins.includes(origin)) return;
    reply.header('access-control-allow-origin', origin);
  };
  if (origins.length > 0)
    api.options(url, { onSend, schema: { hide: true } }, async (_request, reply) =>
      reply
        .code(204)
        .headers({
          'access-control-allow-methods': 'POST',
          'access-control-allow-headers': REQUEST_HEADERS,
          'access-control-max-age': REMEMBERED_SECONDS,
        })
        .send(),
    );
  return { onSend };
}
