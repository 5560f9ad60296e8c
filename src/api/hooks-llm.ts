import { createHash, timingSafeEqual } from 'node:crypto';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { IncomingWordedCall } from '#contracts/incoming-call.ts';
import { messageOf, VoiceError } from '#lib/errors.ts';
import { newUuid } from '#lib/ids.ts';
import { textOf } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { llmSecret } from '#providers/retell/hook-urls.ts';
import { createRetellRest } from '#providers/retell/retell-rest.ts';
import type { Channel } from '#store/store.ts';
import { createRetellTransport } from '#transports/retell/transport.ts';
import type { RetellTransport } from '#transports/retell/transport.ts';
import type { HookParts } from './hooks-calls.ts';
import { findChannel } from './hooks-channel.ts';
import type { SocketDoor } from './hooks-sockets.ts';

export type LlmDoor = SocketDoor & {
  /** Cuts every socket that is still open, as a crash would: Retell goes on with another node. */
  close(): void;
};

/** The words of a call of two hours, with their times, twice. */
const MAX_FRAME_BYTES = 8 * 1_048_576;
const CALL_ID = /^[\w.-]{1,128}$/;
/** How long the caller may have to wait for the greeting so that we know who calls. */
const DETAILS_LIMIT_MS = 1_000;
/** How long Retell may take over a hang-up. */
const HANG_UP_TIMEOUT_MS = 5_000;

/**
 * The door for Retell's custom LLM socket. Retell signs nothing here: who knows the path, knows the
 * secret in it. A call may come again, on a socket of its own each time; the one that leads it here goes
 * on with it, and of one that another process has led the stored turns say where it stands.
 */
export function createLlmDoor(parts: HookParts): LlmDoor {
  const { store, clock, log } = parts;
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
  });
  /** The calls of this node, by instance and Retell's id. */
  const transports = new Map<string, RetellTransport>();

  const serve = async (socket: WebSocket, at: LlmCall): Promise<void> => {
    const known = transports.get(keyOf(at));
    if (known?.attach(socket)) return;
    const transport = createRetellTransport({
      clock,
      log,
      onOver() {
        if (transports.get(keyOf(at)) === transport) transports.delete(keyOf(at));
      },
    });
    transports.set(keyOf(at), transport);
    transport.attach(socket);
    try {
      await lead(transport, at);
    } catch (error) {
      // Nobody listens to it: Retell comes again, and may find the database there.
      transports.delete(keyOf(at));
      transport.abort();
      throw error;
    }
  };

  const lead = async (transport: RetellTransport, at: LlmCall): Promise<void> => {
    const { tenantId, instanceId, retellCallId } = at;
    const details = await transport.details(DETAILS_LIMIT_MS);
    const callId = await begin(at, details ?? {});
    const turnCount = await store.providerCalls.lead(tenantId, callId);
    const call = await store.calls.get(tenantId, callId);
    if (!call) throw new VoiceError('not_found', 'The call is no longer stored.');
    log.info({ instanceId, callId, turnCount }, 'Retell asks for a call to be led');
    const { retellUrl = '', answer } = parts.worded ?? {};
    answer?.({
      tenantId,
      instanceId,
      callId,
      callerPhone: call.caller_phone,
      transport,
      async hangUpAtCarrier() {
        const rest = createRetellRest({
          baseUrl: retellUrl,
          apiKey: at.apiKey,
          clock,
          timeoutMs: HANG_UP_TIMEOUT_MS,
        });
        const answered = await rest.stopCall(retellCallId);
        // A call that Retell no longer has is over.
        if (answered.kind === 'ok' || answered.kind === 'not-found') return true;
        log.warn({ callId, why: answered.message }, 'Retell did not take the hang-up');
        return false;
      },
      ...(turnCount > 0 && {
        before: { startedAt: new Date(call.started_at), turns: call.turns, turnCount },
      }),
    } satisfies IncomingWordedCall);
  };

  /** The id of this call here: Retell's events may have told of it before. */
  const begin = async (at: LlmCall, details: JsonRecord): Promise<string> => {
    const { tenantId, instanceId, retellCallId } = at;
    const find = () => store.calls.findByCarrierId(tenantId, instanceId, retellCallId);
    const known = await find();
    if (known) return known.id;
    const from = phoneOf(details['from_number']);
    const to = phoneOf(details['to_number']);
    const isOutbound = details['direction'] === 'outbound';
    const callId = newUuid();
    const isNew = await store.calls.begin({
      id: callId,
      tenantId,
      instanceId,
      provider: 'retell',
      carrierCallId: retellCallId,
      callerPhone: isOutbound ? to : from,
      calledPhone: isOutbound ? from : to,
      nodeId: parts.nodeId,
      startedAt: new Date(clock.now()),
    });
    if (isNew) return callId;
    const other = await find();
    if (!other) throw new VoiceError('unavailable', 'The call could not be stored.');
    return other.id;
  };

  return {
    path: /\/hooks\/voice\/([^/]+)\/llm\/([^/]+)\/([^/]+)\/?$/,
    async open(request, socket, head, [, id = '', secret = '', retellCallId = '']) {
      const channel = await findChannel(store, id);
      const { tenantId, instanceId } = channel;
      if (!parts.worded || channel.provider !== 'retell')
        return { status: 404, detail: 'There is no such socket here.' };
      const { api_key: apiKey } = await store.channels.secrets(tenantId, instanceId);
      if (!apiKey || !isSame(secret, llmSecret(apiKey, instanceId))) {
        log.warn({ instanceId }, 'socket of Retell with a wrong secret refused');
        return { status: 401, detail: 'The secret is not right.' };
      }
      const at = { tenantId, instanceId, apiKey, retellCallId };
      const refusal = CALL_ID.test(retellCallId)
        ? await whyNot(at, channel)
        : { status: 404, detail: 'This is no id of a call.' };
      if (refusal) return refusal;
      server.handleUpgrade(request, socket, head, (ws) => {
        serve(ws, at).catch((error: unknown) =>
          log.error({ instanceId, error: messageOf(error) }, 'a call of Retell could not be led'),
        );
      });
      return undefined;
    },
    close() {
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };

  /** Why a call cannot be led; a call that is led here already can. */
  async function whyNot(at: LlmCall, channel: Channel) {
    if (transports.has(keyOf(at))) return undefined;
    if (!channel.enabled) return { status: 409, detail: 'This channel is off.' };
    if (!parts.ready() || !parts.hasRoom())
      return { status: 503, detail: 'This server takes no more calls now.' };
    const known = await store.calls.findByCarrierId(at.tenantId, at.instanceId, at.retellCallId);
    return known?.ended ? { status: 410, detail: 'This call has ended.' } : undefined;
  }
}

type LlmCall = {
  readonly tenantId: string;
  readonly instanceId: string;
  readonly apiKey: string;
  readonly retellCallId: string;
};

const keyOf = ({ instanceId, retellCallId }: LlmCall): string => `${instanceId} ${retellCallId}`;

/** In constant time, whatever the lengths. */
const isSame = (given: string, right: string): boolean => timingSafeEqual(hash(given), hash(right));
const hash = (text: string): Buffer => createHash('sha256').update(text).digest();

/** A number, or whatever else Retell says of a caller, as it can be stored. */
const phoneOf = (value: unknown): string =>
  textOf(value)
    .replaceAll(/\p{Cc}|\p{Cs}/gu, '')
    .slice(0, 128);
