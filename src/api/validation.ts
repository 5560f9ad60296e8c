import type { FastifyRequest, FastifySchemaCompiler } from 'fastify';
import { z } from 'zod';
import { VoiceError } from '#lib/errors.ts';
import { faultsOf } from './faults.ts';
import type { InputPlace } from './faults.ts';

/** Validates with zod; what is wrong becomes a 422 in FastAPI's words. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const place = PLACES[httpPart ?? 'body'] ?? 'body';
  return (given: unknown) => {
    // Fastify says null for no body; to FastAPI, which we follow, both are a body that is missing.
    const input = given ?? undefined;
    const result = schema.safeParse(input);
    if (result.success) return { value: result.data };
    const faults = faultsOf(result.error.issues, place, input);
    return { error: new VoiceError('invalid', 'The request is not valid.', { faults }) };
  };
};

const PLACES: Readonly<Record<string, InputPlace>> = {
  body: 'body',
  params: 'path',
  querystring: 'query',
  headers: 'header',
};

/** For routes where every field may be absent: no body at all is then as good as an empty one. */
export const noBodyIsEmpty = async (request: FastifyRequest): Promise<void> => {
  request.body ??= {};
};

const uuid = (title: string): z.ZodType<string> => z.guid().toLowerCase().meta({ title });

export const instanceParams = z.object({ instance_id: uuid('Instance Id') });
export const callParams = z.object({ call_id: uuid('Call Id') });
export const keyParams = z.object({ key_id: uuid('Key Id') });
