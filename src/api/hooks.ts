import type { FastifyInstance, FastifyRequest, FastifySchema } from 'fastify';
import { VoiceError, messageOf } from '#lib/errors.ts';
import type { FieldFault } from '#lib/errors.ts';
import { hookUrls, RESUME_PARAMETER } from '#providers/pipecat/hook-urls.ts';
import { formValue, isSignedByTwilio, readForm } from '#providers/pipecat/twilio-signature.ts';
import type { FormParameters } from '#providers/pipecat/twilio-signature.ts';
import { TWIML_CONTENT_TYPE } from '#providers/pipecat/twiml.ts';
import { CALL_AGAIN, createHookCalls } from './hooks-calls.ts';
import type { CarrierChannel, HookParts } from './hooks-calls.ts';
import { findCarrierChannel } from './hooks-channel.ts';
import { registerRetellEvents } from './hooks-retell.ts';
import { registerRetellInbound } from './hooks-retell-inbound.ts';
import { createLlmDoor } from './hooks-llm.ts';
import { createStreamDoor } from './hooks-stream.ts';
import { openSocketDoors } from './hooks-sockets.ts';

/**
 * The carrier's side of the server, outside `/v1` and without its authentication: who comes here
 * signs with the carrier's secret. To be registered before the app is ready.
 *
 * - `POST /hooks/voice/{id}/twiml`: what to do with a call, as TwiML
 * - `POST /hooks/voice/{id}/status`: a call's status has changed; 204
 * - `POST /hooks/voice/{id}`: what Retell tells of its calls
 * - `POST /hooks/voice/{id}/inbound`: whether Retell is to take a call
 * - `WS /hooks/voice/{id}/stream`: a call's sound
 * - `WS /hooks/voice/{id}/llm/{secret}/{Retell's call_id}`: a call's words, where Retell owns its sound
 */
export function registerHooks(app: FastifyInstance, parts: HookParts): void {
  const { store, clock, log, publicUrl } = parts;
  const calls = createHookCalls(parts);
  const door = createStreamDoor(parts, calls);
  const llmDoor = createLlmDoor(parts);
  const { browserCalls } = parts;
  openSocketDoors(app.server, [door, llmDoor, browserCalls?.door ?? []].flat(), log);
  // Before the server waits for its connections to end: an open media socket would keep it waiting.
  app.addHook('preClose', async () => {
    calls.close();
    door.close();
    llmDoor.close();
    browserCalls?.close();
  });

  /** The channel and form of a request that its carrier has signed; throws otherwise, with nothing stored. */
  const verify = async (
    request: HookRequest,
    route: 'twiml' | 'status',
  ): Promise<{ readonly at: CarrierChannel; readonly form: FormParameters }> => {
    const at = await findCarrierChannel(store, request.params.instanceId);
    const query = request.raw.url?.indexOf('?') ?? -1;
    const search = query < 0 ? '' : (request.raw.url?.slice(query) ?? '');
    const url = hookUrls(publicUrl, request.params.instanceId)[route];
    const signature = request.headers['x-twilio-signature'];
    const form = request.body instanceof Form ? request.body.parameters : {};
    if (!isSignedByTwilio(at.authToken, stringOf(signature), url + search, form)) {
      // With the URL: a public URL that is not the one the carrier calls shows just like a forgery.
      // Without its query: that is whatever a stranger likes.
      log.warn({ instanceId: at.instanceId, url }, 'webhook with a wrong signature refused');
      throw new VoiceError('forbidden', 'The signature does not match.');
    }
    store.channels
      .noteEvent(at.tenantId, at.instanceId, new Date(clock.now()))
      .catch((error: unknown) => log.warn({ error: messageOf(error) }, 'event not noted'));
    return { at, form };
  };

  void app.register(async (hooks) => {
    hooks.removeAllContentTypeParsers();
    hooks.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: BODY_LIMIT_BYTES },
      (_request, body, done) => done(null, new Form(readForm(String(body)))),
    );
    hooks.setErrorHandler(async (error, request, reply) => {
      const status = statusOf(error);
      if (status >= 500)
        log.error({ route: request.routeOptions.url, error: messageOf(error) }, 'hook failed');
      return reply.code(status).send({ detail: detailOf(error, status) });
    });

    hooks.post('/hooks/voice/:instanceId/twiml', HIDDEN, async (request: HookRequest, reply) => {
      const twiml = await verify(request, 'twiml')
        .then(({ at, form }) => calls.answer(at, form, isResumed(request)))
        .catch((error: unknown) => {
          if (statusOf(error) < 500) throw error;
          // Our own fault, such as a database that does not answer: the caller still hears something.
          log.error({ error: messageOf(error) }, 'a call could not be taken');
          return CALL_AGAIN;
        });
      return reply.header('content-type', TWIML_CONTENT_TYPE).send(twiml);
    });

    hooks.post('/hooks/voice/:instanceId/status', HIDDEN, async (request: HookRequest, reply) => {
      const { at, form } = await verify(request, 'status');
      log.info(
        { instanceId: at.instanceId, callStatus: formValue(form, 'CallStatus') },
        'carrier reported a status',
      );
      await calls.noteStatus(at, form);
      return reply.code(204).send();
    });

    registerRetellEvents(hooks, parts);
    registerRetellInbound(hooks, parts);
  });
}

type HookRequest = FastifyRequest<{ Params: { instanceId: string } }>;

/** Twilio's largest webhooks are a few kilobytes. */
const BODY_LIMIT_BYTES = 65_536;

/** Not for the API's clients, so not in its description. */
const HIDDEN: { readonly schema: FastifySchema & { hide: boolean } } = { schema: { hide: true } };

/** A form that was read; tells it from a request without a body. */
class Form {
  readonly parameters: FormParameters;
  constructor(parameters: FormParameters) {
    this.parameters = parameters;
  }
}

const isResumed = (request: FastifyRequest): boolean =>
  typeof request.query === 'object' && request.query !== null && RESUME_PARAMETER in request.query;

const stringOf = (header: string | string[] | undefined): string | undefined =>
  typeof header === 'string' ? header : undefined;

/** Fastify's own errors, such as a body that is too large, carry a `statusCode`. */
function statusOf(error: unknown): number {
  if (error instanceof VoiceError) return error.status;
  const status =
    typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : 500;
  return typeof status === 'number' ? status : 500;
}

/** FastAPI's shape for a 422, a sentence otherwise; of our own faults nothing is told. */
function detailOf(error: unknown, status: number): string | readonly FieldFault[] {
  if (status >= 500) return 'Internal Server Error';
  return error instanceof VoiceError && error.faults.length > 0 ? error.faults : messageOf(error);
}
