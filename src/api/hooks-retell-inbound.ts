import type { FastifyInstance, FastifyRequest, FastifySchema } from 'fastify';
import { VoiceError } from '#lib/errors.ts';
import { parseRecord } from '#lib/record.ts';
import { isOpenAt } from '#protocol/business-hours.ts';
import { isSignedByRetell, mayBeSignedByRetell } from '#providers/retell/signature.ts';
import type { HookParts } from './hooks-calls.ts';
import { findChannel } from './hooks-channel.ts';
import { decideInbound } from './hooks-policy.ts';

/**
 * `POST /hooks/voice/{id}/inbound`: Retell asks what to do with a call while its caller hears it
 * ring. Refused where the channel is off or closed, or this server, which would have to lead it, has
 * no room; else taken by the agent that the number is bound to, with the agent's variables. Signed
 * as events are; nothing is stored: whether there will be a call is not known yet.
 */
export function registerRetellInbound(
  hooks: FastifyInstance,
  parts: Pick<HookParts, 'store' | 'clock' | 'log' | 'ready' | 'hasRoom'>,
): void {
  const { store, clock, log } = parts;

  const answer = async (request: InboundRequest): Promise<InboundAnswer> => {
    const channel = await findChannel(store, request.params.instanceId);
    const { tenantId, instanceId } = channel;
    const [secrets, instance] = await Promise.all([
      store.channels.secrets(tenantId, instanceId),
      store.instances.get(tenantId, instanceId),
    ]);
    const key = secrets.webhook_secret ?? secrets.api_key;
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const nowMs = clock.now();
    if (!isSignedByRetell(body, signatureOf(request), key === undefined ? [] : [key], nowMs)) {
      log.warn({ instanceId }, 'inbound webhook with a wrong signature refused');
      throw wrongSignature();
    }
    if (parseRecord(body.toString('utf8'))?.['event'] !== 'call_inbound')
      throw new VoiceError('bad_request', 'This is no inbound call.');

    const voice = instance?.agentConfig.voice;
    const decision = decideInbound({
      isServed: channel.provider === 'retell' && channel.enabled,
      isOpen: isOpenAt(voice?.business_hours, nowMs),
      // An agent of its owner's talks without us.
      isLedByUs: channel.agentId === null,
      isReady: parts.ready(),
      hasRoom: parts.hasRoom(),
    });
    log.info({ instanceId, decision }, 'Retell asked about a call');
    if (decision !== 'take') return { call_inbound: { reject: true } };
    return {
      call_inbound: {
        dynamic_variables: voice?.retell?.dynamic_variables ?? {},
        metadata: { instance_id: instanceId },
      },
    };
  };

  void hooks.register(async (inbound) => {
    inbound.removeAllContentTypeParsers();
    // Bytes, whatever they are said to be: the signature is over them as they came.
    inbound.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
      (_request, body, done) => done(null, body),
    );
    inbound.addHook('onRequest', async (request) => {
      if (!mayBeSignedByRetell(signatureOf(request), clock.now())) throw wrongSignature();
    });
    inbound.post(
      '/hooks/voice/:instanceId/inbound',
      HIDDEN,
      async (request: InboundRequest, reply) => reply.send(await answer(request)),
    );
  });
}

/** Without `reject` the call is taken. */
type InboundAnswer = {
  readonly call_inbound:
    | { readonly reject: true }
    | {
        readonly dynamic_variables: Readonly<Record<string, string>>;
        readonly metadata: Readonly<Record<string, string>>;
      };
};

/** Not for the API's clients, so not in its description. */
const HIDDEN: { readonly schema: FastifySchema & { hide: boolean } } = { schema: { hide: true } };

type InboundRequest = FastifyRequest<{ Params: { instanceId: string } }>;

/** Two numbers, two ids and the headers of a SIP call. */
const BODY_LIMIT_BYTES = 65_536;

const signatureOf = (request: Pick<FastifyRequest, 'headers'>): string | undefined => {
  const header = request.headers['x-retell-signature'];
  return typeof header === 'string' ? header : undefined;
};

const wrongSignature = (): VoiceError =>
  new VoiceError('unauthenticated', 'The signature does not match.');
