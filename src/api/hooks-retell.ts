import type { FastifyInstance, FastifyRequest, FastifySchema } from 'fastify';
import type { Clock } from '#lib/clock.ts';
import { VoiceError, messageOf } from '#lib/errors.ts';
import { readRetellEvent } from '#providers/retell/events.ts';
import { isSignedByRetell, mayBeSignedByRetell } from '#providers/retell/signature.ts';
import type { Store } from '#store/store.ts';
import type { HookParts } from './hooks-calls.ts';
import { findChannel } from './hooks-channel.ts';

/**
 * `POST /hooks/voice/{id}`: what Retell tells of its calls. Answered with `{}` as soon as it is
 * stored; what follows from it is worked out after that. Signed over the raw body with the channel's
 * `webhook_secret`, else its `api_key`: 401 otherwise, with nothing stored and, where the signature
 * cannot be one of now at all, nothing read.
 */
export function registerRetellEvents(
  hooks: FastifyInstance,
  parts: Pick<HookParts, 'store' | 'clock' | 'log' | 'takeEvent'>,
): void {
  const { store, clock, log } = parts;
  const find = findTogether(store, clock);
  const noteEvent = noteEvents(parts);
  const found = new WeakMap<object, RetellChannel>();

  void hooks.register(async (events) => {
    events.removeAllContentTypeParsers();
    // Bytes, whatever they are said to be: the signature is over them as they came.
    events.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
      (_request, body, done) => done(null, body),
    );
    events.addHook('onRequest', async (request: EventRequest) => {
      const at = await find(request.params.instanceId);
      if (!mayBeSignedByRetell(signatureOf(request), clock.now())) throw wrongSignature();
      found.set(request, at);
    });
    events.post('/hooks/voice/:instanceId', HIDDEN, async (request: EventRequest, reply) => {
      const at = found.get(request);
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      if (!at || !isSignedByRetell(body, signatureOf(request), at.keys, clock.now())) {
        log.warn({ instanceId: at?.instanceId }, 'event with a wrong signature refused');
        throw wrongSignature();
      }
      const event = readRetellEvent(body);
      if (!parts.takeEvent) throw new VoiceError('unavailable', 'Events are not taken here.');
      await parts.takeEvent({ tenantId: at.tenantId, instanceId: at.instanceId }, event);
      noteEvent(at);
      log.debug({ instanceId: at.instanceId, event: event.name }, 'Retell told of a call');
      return reply.send({});
    });
  });
}

/** A channel that Retell serves. */
export type RetellChannel = {
  readonly tenantId: string;
  readonly instanceId: string;
  /** With which Retell signs; empty: none is stored, and nobody can tell Retell from an impostor. */
  readonly keys: readonly string[];
};

/** Throws `not_found` where there is no channel, and `conflict` where Retell does not serve it. */
export async function findRetellChannel(store: Store, id: string): Promise<RetellChannel> {
  const { tenantId, instanceId, provider } = await findChannel(store, id);
  if (provider !== 'retell')
    throw new VoiceError('conflict', "This channel's provider sends no events to this server.");
  const { webhook_secret: secret, api_key: apiKey } = await store.channels.secrets(
    tenantId,
    instanceId,
  );
  const key = secret ?? apiKey;
  return { tenantId, instanceId, keys: key === undefined ? [] : [key] };
}

/** Not for the API's clients, so not in its description. */
const HIDDEN: { readonly schema: FastifySchema & { hide: boolean } } = { schema: { hide: true } };

type EventRequest = FastifyRequest<{ Params: { instanceId: string } }>;

/** The words of a call of two hours, each with its times, twice. */
const BODY_LIMIT_BYTES = 16 * 1_024 * 1_024;

const signatureOf = (request: EventRequest): string | undefined => {
  const header = request.headers['x-retell-signature'];
  return typeof header === 'string' ? header : undefined;
};

const wrongSignature = (): VoiceError =>
  new VoiceError('unauthenticated', 'The signature does not match.');

/** So long a channel and its keys are kept for what comes next: Retell sends in bursts. */
const KEEP_MS = 1_000;

/** What asks for the same channel at the same time, or right after, shares one answer. */
function findTogether(store: Store, clock: Clock): (id: string) => Promise<RetellChannel> {
  const found = new Map<string, Promise<RetellChannel>>();
  return (id) => {
    const known = found.get(id);
    if (known) return known;
    const search = findRetellChannel(store, id);
    found.set(id, search);
    const forget = (): void => void found.delete(id);
    search.then(() => clock.after(KEEP_MS, forget), forget);
    return search;
  };
}

/** That a channel is heard of is stored once a second at most. */
const NOTE_EVERY_MS = 1_000;

function noteEvents({ store, clock, log }: Pick<HookParts, 'store' | 'clock' | 'log'>) {
  const notedAtMs = new Map<string, number>();
  return ({ tenantId, instanceId }: RetellChannel): void => {
    const nowMs = clock.now();
    if (nowMs - (notedAtMs.get(instanceId) ?? 0) < NOTE_EVERY_MS) return;
    notedAtMs.set(instanceId, nowMs);
    store.channels
      .noteEvent(tenantId, instanceId, new Date(nowMs))
      .catch((error: unknown) => log.warn({ error: messageOf(error) }, 'event not noted'));
  };
}
