import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { VoiceError } from '#lib/errors.ts';

/** Everything that is not a success is answered in FastAPI's shape: `{"detail": …}`. */
export function answerErrors(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler((error: FastifyError | Error, request, reply) =>
    answerError(error, request, reply, log),
  );
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ detail: 'Not Found' }));
}

export function answerError(
  error: FastifyError | Error,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Logger,
): FastifyReply {
  if (error instanceof VoiceError) {
    if (error.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer');
    if (error.code === 'unavailable') reply.header('retry-after', '5');
    return reply.code(error.status).send({ detail: detailOf(error) });
  }
  const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500;
  // The reason phrase, not the message: Fastify's messages can hold what the client sent.
  if (status >= 400 && status < 500)
    return reply.code(status).send({ detail: STATUS_CODES[status] ?? 'Bad Request' });
  log.error({ requestId: request.id, ...faultFields(error) }, 'request failed');
  return reply.code(500).send({ detail: 'Internal Server Error' });
}

const detailOf = (error: VoiceError): unknown => {
  if (error.code !== 'invalid') return error.message;
  return error.faults.length > 0
    ? error.faults
    : [{ loc: ['body'], msg: error.message, type: 'value_error' }];
};

/**
 * What is logged of an unexpected error: names, codes and places in the code. Never its message: a
 * database driver's message repeats the parameters it was given, and those can be what callers said.
 */
function faultFields(error: Error): object {
  return {
    fault: error.name,
    code: 'code' in error && typeof error.code === 'string' ? error.code : undefined,
    stack: (error.stack ?? '').split('\n').filter((line) => /^\s+at .*:\d+\)?$/.test(line)),
    cause: error.cause instanceof Error ? faultFields(error.cause) : undefined,
  };
}

/** Answers what is not even HTTP, or too large to be read as such. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const status = CLIENT_ERROR_STATUS[error.code ?? ''] ?? 400;
  const reason = STATUS_CODES[status] ?? 'Bad Request';
  const body = JSON.stringify({ detail: reason });
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

const CLIENT_ERROR_STATUS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};
