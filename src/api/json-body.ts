import type { FastifyInstance, FastifyRequest } from 'fastify';
import { VoiceError } from '#lib/errors.ts';
import type { FieldFault } from '#lib/errors.ts';
import { parseStrictJson } from '#lib/json.ts';
import type { JsonFault } from '#lib/json.ts';
import { shownKey } from './faults.ts';

/**
 * The one way a body is read: strict JSON. No body, or an empty one, is `undefined`, for each route
 * to judge. Faults are answered as FastAPI answers them.
 */
export function acceptJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  // Asynchronous, because that is how Fastify takes a parser that may throw.
  app.addContentTypeParser(
    JSON_TYPE,
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, body: Buffer) => parseBody(body),
  );
  // A body without a declared type is taken for JSON; any other type is refused.
  app.addContentTypeParser(
    '*',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => {
      if (request.headers['content-type'] !== undefined && body.length > 0)
        throw new VoiceError('unsupported_media_type', 'The body must be application/json.');
      return parseBody(body);
    },
  );
}

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json(?:\s*;|$)/i;

function parseBody(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  const result = parseStrictJson(textOf(body));
  if (result.ok) return result.value;
  const fault = fieldFaultOf(result.fault);
  throw new VoiceError('invalid', fault.msg, { faults: [fault] });
}

function textOf(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (error) {
    throw new VoiceError('bad_request', 'There was an error parsing the body', { cause: error });
  }
}

function fieldFaultOf(fault: JsonFault): FieldFault {
  switch (fault.kind) {
    case 'syntax':
      return { loc: ['body', fault.position], msg: 'JSON decode error', type: 'json_invalid' };
    case 'too-deep':
      return {
        loc: ['body', fault.position],
        msg: `JSON is nested deeper than ${fault.maxDepth} levels`,
        type: 'json_invalid',
      };
    case 'duplicate-key':
      return {
        loc: ['body', ...fault.path.map(shownKey)],
        msg: 'Field given more than once',
        type: 'duplicate_key',
      };
    case 'forbidden-key':
      return {
        loc: ['body', ...fault.path.map(shownKey)],
        msg: 'Extra inputs are not permitted',
        type: 'extra_forbidden',
      };
    case 'nul-character':
      return {
        loc: ['body', ...fault.path.map(shownKey)],
        msg: 'Value error, NUL characters are not permitted',
        type: 'value_error',
      };
    case 'lone-surrogate':
      return {
        loc: ['body', ...fault.path.map(shownKey)],
        msg: 'Input should be a valid string, unable to parse raw data as a unicode string',
        type: 'string_unicode',
      };
  }
}
