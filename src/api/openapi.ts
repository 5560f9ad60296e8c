import swagger from '@fastify/swagger';
import type { SwaggerTransform, SwaggerTransformObject } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { z } from 'zod';

type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * `/openapi.json` and `/docs`, from the zod schemas that the routes validate with. A route without
 * a summary is not for the public and is left out. `/docs` loads nothing from elsewhere.
 */
export async function registerOpenApi(app: FastifyInstance, publicUrl: string): Promise<void> {
  const components = new Map<string, JsonSchema>([
    ['ValidationError', jsonSchemaOf(validationErrorSchema, 'output').root],
    ['HTTPValidationError', HTTP_VALIDATION_ERROR],
    ['HTTPError', jsonSchemaOf(httpErrorSchema, 'output').root],
  ]);

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'HydraCore Voice',
        description: 'Gives an AI agent a phone line.',
        version: '0.1.0',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: publicUrl }],
      tags: [
        { name: 'Voice channel', description: 'The phone line of an instance.' },
        { name: 'Channels', description: 'All channels of an instance.' },
        { name: 'Instances', description: 'AI agents and their agent_config.' },
        { name: 'Calls', description: 'Conversations: records and live events.' },
        { name: 'API keys', description: 'Credentials for programs.' },
        { name: 'Operations', description: 'For whoever runs the server.' },
      ],
      components: {
        securitySchemes: {
          HTTPBearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
          ApiKeyHeader: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
        },
      },
    },
    transform: transformWith(components),
    transformObject: withComponents(components),
  });
  await app.register(swaggerUi, { routePrefix: '/docs', uiConfig: { docExpansion: 'list' } });
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) =>
    reply.send(app.swagger()),
  );
}

const validationErrorSchema = z
  .object({
    loc: z.array(z.union([z.string(), z.number().int()])).meta({ title: 'Location' }),
    msg: z.string().meta({ title: 'Message' }),
    type: z.string().meta({ title: 'Error Type' }),
  })
  .meta({ title: 'ValidationError' });

const httpErrorSchema = z.object({ detail: z.string() }).meta({
  title: 'HTTPError',
  examples: [{ detail: 'Instance not found' }],
});

const HTTP_VALIDATION_ERROR: JsonSchema = {
  title: 'HTTPValidationError',
  type: 'object',
  properties: {
    detail: {
      title: 'Detail',
      type: 'array',
      items: { $ref: '#/components/schemas/ValidationError' },
    },
  },
  examples: [
    {
      detail: [
        {
          loc: ['body', 'provider'],
          msg: "Input should be 'retell' or 'pipecat'",
          type: 'literal_error',
        },
      ],
    },
  ],
};

const errorAnswer = (description: string, name: string): JsonSchema => ({
  description,
  content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } },
});

function transformWith(components: Map<string, JsonSchema>): SwaggerTransform {
  const convert = (schema: unknown, io: 'input' | 'output'): JsonSchema => {
    if (!(schema instanceof z.ZodType)) throw new Error('a route has a schema that is not zod');
    const { root, id, named } = jsonSchemaOf(schema, io);
    for (const [name, definition] of named) components.set(name, definition);
    if (!id) return root;
    components.set(id, root);
    return { $ref: `#/components/schemas/${id}` };
  };

  return ({ schema, url }) => {
    const route: FastifySchema = schema ?? {};
    if (!('summary' in route)) return { schema: { hide: true }, url };
    const { body, params, querystring, response, ...rest } = route;
    const isGuarded = 'security' in rest;
    return {
      url,
      schema: {
        ...rest,
        ...(body !== undefined && { body: convert(body, 'input') }),
        ...(params !== undefined && { params: convert(params, 'input') }),
        ...(querystring !== undefined && { querystring: convert(querystring, 'input') }),
        response: {
          ...convertResponses(response, convert),
          ...(isGuarded && {
            401: errorAnswer('Who asks is not known.', 'HTTPError'),
            403: errorAnswer('The credential lacks the right.', 'HTTPError'),
          }),
          ...(params !== undefined && {
            404: errorAnswer('There is none of this id.', 'HTTPError'),
          }),
          ...((params !== undefined || body !== undefined) && {
            422: errorAnswer('Validation Error', 'HTTPValidationError'),
          }),
        },
      },
    };
  };
}

/** A response is a zod schema, or describes its content types itself. */
function convertResponses(
  response: unknown,
  convert: (schema: unknown, io: 'output') => JsonSchema,
): Record<string, unknown> {
  const converted: Record<string, unknown> = {};
  for (const [status, answer] of Object.entries(response ?? {})) {
    if (answer instanceof z.ZodType) {
      const description = answer.meta()?.description ?? 'Successful Response';
      converted[status] =
        answer instanceof z.ZodUndefined
          ? { type: 'null', description }
          : { description, content: { 'application/json': { schema: convert(answer, 'output') } } };
      continue;
    }
    converted[status] = answerWithContent(answer, convert);
  }
  return converted;
}

function answerWithContent(
  answer: unknown,
  convert: (schema: unknown, io: 'output') => JsonSchema,
): JsonSchema {
  const { description, content } = contentAnswerSchema.parse(answer);
  const converted = Object.entries(content).map(([type, { schema }]) => [
    type,
    { schema: convert(schema, 'output') },
  ]);
  return { description, content: Object.fromEntries(converted) as unknown };
}

const contentAnswerSchema = z.object({
  description: z.string(),
  content: z.record(z.string(), z.object({ schema: z.unknown() })),
});

/** JSON Schema 2020-12 of a zod schema; schemas with an `id` of their own are named components. */
function jsonSchemaOf(
  schema: z.ZodType,
  io: 'input' | 'output',
): { root: JsonSchema; id: string | undefined; named: readonly (readonly [string, JsonSchema])[] } {
  const generated: unknown = JSON.parse(
    JSON.stringify(
      z.toJSONSchema(schema, { io, unrepresentable: 'any', override: (at) => tidy(at, io) }),
    ).replaceAll('"#/$defs/', '"#/components/schemas/'),
  );
  const { $schema: _schema, $defs, id, ...root } = generatedSchema.parse(generated);
  const named = Object.entries($defs ?? {}).map(
    ([name, { id: _id, ...definition }]) => [name, definition] as const,
  );
  return { root, id, named };
}

/**
 * As FastAPI renders it: every property has a title, an integer no bounds that are only JavaScript's,
 * and an answer may have more fields one day.
 */
function tidy(
  { jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema },
  io: 'input' | 'output',
): void {
  if (io === 'output' && jsonSchema.additionalProperties === false)
    delete jsonSchema.additionalProperties;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  for (const [name, property] of Object.entries(jsonSchema.properties ?? {}))
    if (typeof property === 'object' && !property.$ref) property.title ??= titleOf(name);
}

/** `twilio_account_sid` → `Twilio Account Sid`, as pydantic makes titles. */
const titleOf = (name: string): string =>
  name
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(' ');

const generatedSchema = z.looseObject({
  $schema: z.string().optional(),
  id: z.string().optional(),
  $defs: z.record(z.string(), z.looseObject({ id: z.string().optional() })).optional(),
});

const withComponents =
  (components: ReadonlyMap<string, JsonSchema>): SwaggerTransformObject =>
  (document) => {
    if (!('openapiObject' in document)) return document.swaggerObject;
    const { openapiObject } = document;
    const schemas = Object.fromEntries([...components].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    return Object.assign({}, openapiObject, {
      components: { ...openapiObject.components, schemas },
    });
  };
