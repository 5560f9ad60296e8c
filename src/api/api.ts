import fastify from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { serializerCompiler } from 'fastify-type-provider-zod';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Clock } from '#lib/clock.ts';
import { newUuid } from '#lib/ids.ts';
import { registerApiKeys } from './api-keys.ts';
import { createAuthenticate, requireAccess } from './auth.ts';
import { registerCalls } from './calls.ts';
import { registerCallsSummary } from './calls-summary.ts';
import { registerChannels } from './channels.ts';
import { registerConnect } from './connect.ts';
import { endConnectionsOnClose } from './connections.ts';
import { registerConsole } from './console.ts';
import { answerClientError, answerError, answerErrors } from './errors.ts';
import { registerEvents } from './events.ts';
import { registerInstances } from './instances.ts';
import { registerInternal } from './internal.ts';
import { acceptJsonOnly } from './json-body.ts';
import { otherMethods } from './other-methods.ts';
import { registerOpenApi } from './openapi.ts';
import { registerReplay } from './replay.ts';
import { defineMetrics, registerOperations } from './operations.ts';
import type { ApiParts } from './parts.ts';
import { validatorCompiler } from './validation.ts';
import { registerVoice } from './voice.ts';

/** Enough for the largest agent_config there can be. */
const BODY_LIMIT_BYTES = 524_288;
/** How long a client may take to send a request: a slow one must not hold a socket for ever. */
const REQUEST_LIMIT_MS = 30_000;

/**
 * The HTTP API. It does not listen yet, and more routes may be added until it does; closing it ends
 * its event streams.
 */
export async function createApi(parts: ApiParts): Promise<FastifyInstance> {
  const { log, store } = parts;
  const app = fastify({
    // Ours, below: Fastify's own lines hold the query string.
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_LIMIT_MS,
    // A client's own id would put what it likes into our log.
    requestIdHeader: false,
    genReqId: newUuid,
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => {
      void answerError(error, request, reply, log);
    },
  });
  endConnectionsOnClose(app);
  answerErrors(app, log);
  noteRequests(app, parts);
  await registerOpenApi(app, parts.publicUrl);

  const authenticate = createAuthenticate(parts);
  await app.register(async (scope) => {
    acceptJsonOnly(scope);
    scope.setValidatorCompiler(validatorCompiler);
    scope.setSerializerCompiler(serializerCompiler);
    const refuseOtherMethods = otherMethods(scope);
    const api = scope.withTypeProvider<ZodTypeProvider>();

    registerOperations(api, parts);
    registerConsole(api);
    await api.register(
      async (versioned) => {
        const v1 = versioned.withTypeProvider<ZodTypeProvider>();
        v1.addHook('onRequest', async (request) => {
          const { access } = request.routeOptions.config;
          if (!access) return;
          request.principal = await authenticate(request.headers);
          requireAccess(request.principal, access);
        });
        registerVoice(v1, parts);
        registerChannels(v1, parts);
        registerInstances(v1, parts);
        registerApiKeys(v1, parts);
        registerCalls(v1, parts);
        registerCallsSummary(v1, parts);
        registerReplay(v1, parts);
        registerEvents(v1, parts, authenticate);
        registerConnect(v1, parts);
      },
      { prefix: '/v1' },
    );
    refuseOtherMethods();
  });
  registerInternal(app, store);
  return app;
}

const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

/**
 * One log line and one measurement a request. Both hold the route's pattern instead of the path,
 * and nothing else that the client has written: a secret in the wrong place stays out of the log.
 */
function noteRequests(app: FastifyInstance, parts: ApiParts): void {
  const { log, clock } = parts;
  const observe = defineMetrics(parts);
  app.decorateRequest('startedAtMs', 0);
  app.addHook('onRequest', async (request, reply) => {
    request.startedAtMs = clock.now();
    reply.header('x-request-id', request.id);
  });
  app.addHook('onResponse', async (request, reply) => {
    const durationMs = elapsedMs(clock, request);
    const route = request.routeOptions.url ?? '(none)';
    observe({ method: request.method, route, status: reply.statusCode }, durationMs);
    const fields = requestFields(request, reply, route, durationMs);
    // Probes come every few seconds and say nothing new.
    if (PROBES.has(route)) log.debug(fields, 'request');
    else log.info(fields, 'request');
  });
}

const elapsedMs = (clock: Clock, request: FastifyRequest): number =>
  Math.round((clock.now() - request.startedAtMs) * 10) / 10;

function requestFields(
  request: FastifyRequest,
  reply: FastifyReply,
  route: string,
  durationMs: number,
): object {
  return {
    requestId: request.id,
    method: request.method,
    route,
    status: reply.statusCode,
    durationMs,
    tenantId: request.principal?.tenantId,
  };
}

declare module 'fastify' {
  interface FastifyRequest {
    startedAtMs: number;
  }
}
