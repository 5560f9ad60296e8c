import type { FastifyInstance, HTTPMethods } from 'fastify';
import { VoiceError } from '#lib/errors.ts';

const METHODS: readonly HTTPMethods[] = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
];

/**
 * Notes the routes that are added from now on. The function it answers makes every other method on
 * their paths a 405 that names the allowed ones, where Fastify alone would say 404.
 */
export function otherMethods(app: FastifyInstance): () => void {
  const methodsOf = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const methods = methodsOf.get(url) ?? new Set<string>();
    for (const one of [method].flat()) methods.add(one);
    methodsOf.set(url, methods);
  });
  return () => {
    for (const [url, methods] of methodsOf) {
      const allow = [...methods].join(', ');
      const refuse = async (): Promise<never> => {
        throw new VoiceError('method_not_allowed', 'Method Not Allowed');
      };
      app.route({
        url,
        method: METHODS.filter((method) => !methods.has(method)),
        schema: { hide: true },
        // Before anything of the request is looked at.
        onRequest: async (_request, reply) => {
          reply.header('allow', allow);
          return refuse();
        },
        handler: refuse,
      });
    }
  };
}
