import { WebSocketServer } from 'ws';
import type { ServerOptions, WebSocket } from 'ws';
import { messageOf } from '#lib/errors.ts';
import { hookUrls } from '#providers/pipecat/hook-urls.ts';
import { createTwilioRest } from '#providers/pipecat/twilio-rest.ts';
import { isSocketSignedByTwilio } from '#providers/pipecat/twilio-signature.ts';
import { acceptTwilioStream } from '#transports/twilio/accept.ts';
import { dialNumber } from '#providers/pipecat/twiml.ts';
import type { AcceptedStream } from '#transports/twilio/accept.ts';
import type { CarrierChannel, HookCalls, HookParts } from './hooks-calls.ts';
import { findCarrierChannel } from './hooks-channel.ts';
import type { SocketDoor } from './hooks-sockets.ts';

export type StreamDoor = SocketDoor & {
  /** Cuts every media socket that is still open. */
  close(): void;
};

/** How long the carrier may take over a hang-up or a transfer; the caller waits for it. */
const CARRIER_TIMEOUT_MS = 5_000;
/** A carrier that does not answer a close is cut off then: until that its call's last pieces stay in memory. */
const CLOSE_WITHIN_MS = 5_000;

/**
 * The door for Twilio's Media Streams. Three things are asked of whoever comes: Twilio's signature
 * on the upgrade, a one-call token in the stream's `start`, and that the token was made for this
 * instance and this very call. Anything wrong is a 4xx on the upgrade or a close with 1008.
 */
export function createStreamDoor(parts: HookParts, calls: HookCalls): StreamDoor {
  const { store, clock, log } = parts;
  // The types of `ws` do not know `closeTimeout` yet.
  const options: ServerOptions & { readonly closeTimeout: number } = {
    noServer: true,
    closeTimeout: CLOSE_WITHIN_MS,
    perMessageDeflate: false,
    maxPayload: 65_536,
  };
  const server = new WebSocketServer(options);

  const serve = async (socket: WebSocket, at: CarrierChannel): Promise<void> => {
    const accepted = await acceptTwilioStream(socket, { clock, log });
    if (accepted.kind === 'refused')
      return log.warn({ instanceId: at.instanceId, why: accepted.why }, 'media stream refused');
    const callId = await callOf(accepted, at);
    // Two tokens of one call, from a repeated webhook: the first stream has it.
    if (callId === undefined || calls.connected.has(callId)) {
      log.warn({ instanceId: at.instanceId }, 'media stream refused: wrong, used or expired token');
      return socket.close(1008, 'token refused');
    }
    handOver(socket, accepted, at, callId);
  };

  /** The call that the stream's token allows, once; undefined: none. */
  const callOf = async (accepted: Started, at: CarrierChannel): Promise<string | undefined> => {
    const { callSid, parameters } = accepted.start;
    const token = parameters.get('token');
    if (!token || token.length > 128) return undefined;
    const grant = await store.mediaTokens.consume(token, new Date(clock.now()));
    if (grant?.instanceId !== at.instanceId || grant.tenantId !== at.tenantId) return undefined;
    const call = await store.calls.findByCarrierId(at.tenantId, at.instanceId, callSid);
    return call?.id === grant.callId && !call.ended ? grant.callId : undefined;
  };

  const handOver = (
    socket: WebSocket,
    { start, transport }: Started,
    at: CarrierChannel,
    callId: string,
  ): void => {
    const { tenantId, instanceId, authToken } = at;
    const rest = createTwilioRest({
      baseUrl: parts.twilioUrl,
      accountSid: start.accountSid,
      authToken,
      clock,
      timeoutMs: CARRIER_TIMEOUT_MS,
    });
    calls.connected.set(callId, transport);
    const forget = (): void => void calls.connected.delete(callId);
    socket.once('close', forget);
    if (socket.readyState === socket.CLOSED) forget();
    parts.answer({
      tenantId,
      instanceId,
      callId,
      callerPhone: start.parameters.get('caller') ?? '',
      calledPhone: start.parameters.get('called') ?? '',
      carrierCallId: start.callSid,
      transport,
      async hangUpAtCarrier() {
        const answer = await rest.hangUp(start.callSid);
        if (answer.kind !== 'ok')
          log.warn({ callId, why: answer.message }, 'the carrier did not take the hang-up');
        return answer.kind === 'ok';
      },
      async transferAtCarrier(phoneNumber) {
        const answer = await rest.redirect(start.callSid, dialNumber(phoneNumber));
        if (answer.kind === 'ok') return { ok: true };
        log.warn({ callId, why: answer.message }, 'the carrier did not take the transfer');
        return { ok: false, message: answer.message };
      },
    });
  };

  return {
    path: /\/hooks\/voice\/([^/]+)\/stream(\/?)$/,
    async open(request, socket, head, [, instanceId = '', slash = '']) {
      const at = await findCarrierChannel(store, instanceId);
      const url = hookUrls(parts.publicUrl, instanceId).stream + slash;
      const signature = request.headers['x-twilio-signature'];
      if (!isSocketSignedByTwilio(at.authToken, signatureOf(signature), url)) {
        log.warn({ instanceId, url }, 'media socket with a wrong signature refused');
        return { status: 403, detail: 'The signature does not match.' };
      }
      server.handleUpgrade(request, socket, head, (ws) => {
        serve(ws, at).catch((error: unknown) => {
          log.error({ instanceId, error: messageOf(error) }, 'media stream failed');
          ws.close(1011);
        });
      });
      return undefined;
    },
    close() {
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
}

type Started = Extract<AcceptedStream, { kind: 'started' }>;

const signatureOf = (header: string | string[] | undefined): string | undefined =>
  typeof header === 'string' ? header : undefined;
