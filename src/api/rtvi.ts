import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { WIDE_LINE } from '#audio/format.ts';
import type { LineAudio } from '#audio/format.ts';
import { loadResampler } from '#audio/resample.ts';
import type { OpenResampler } from '#audio/resample.ts';
import type { AnswerCall } from '#contracts/incoming-call.ts';
import type { Role } from '#contracts/vendor.ts';
import type { Clock } from '#lib/clock.ts';
import { messageOf, VoiceError } from '#lib/errors.ts';
import { newToken, newUuid } from '#lib/ids.ts';
import type { Log } from '#lib/log.ts';
import { isOpenAt } from '#protocol/business-hours.ts';
import type { SecretField } from '#protocol/voice-channel.ts';
import type { Channel, Instance, MediaGrant, Store } from '#store/store.ts';
import { createRtviTransport } from '#transports/rtvi/transport.ts';
import type { RtviTransport } from '#transports/rtvi/transport.ts';
import { decideAnswer } from './hooks-policy.ts';
import type { SocketDoor } from './hooks-sockets.ts';
import { createUnansweredCalls } from './unanswered-calls.ts';

export type BrowserCallParts = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Under which clients reach this server, without a trailing slash. */
  readonly publicUrl: string;
  readonly nodeId: string;
  readonly ready: () => boolean;
  readonly hasRoom: () => boolean;
  readonly answer: AnswerCall;
  readonly prepare?: (tenantId: string, instanceId: string, audio: LineAudio) => void;
  /** Which secrets open a vendor of each role. */
  readonly vendorKeys: Readonly<Record<Role, readonly SecretField[]>>;
};

/** Calls from browsers: asked for by the API, carried by a WebSocket of our own. */
export type BrowserCalls = {
  /**
   * A new call, and what opens its socket once, within a minute. Throws `conflict` where the agent
   * takes no such call and `unavailable` where this node takes none now.
   */
  start(instance: Instance): Promise<{ readonly wsUrl: string; readonly token: string }>;
  readonly door: SocketDoor;
  /** Cuts every socket that is still open. */
  close(): void;
};

/** How long a token is good for: clients open the socket at once. */
const TOKEN_LIFE_MS = 60_000;
/** The largest message of a stock client. */
const MAX_MESSAGE_BYTES = 1_048_576;
/** What the contract's list of live calls shows instead of a number. */
const CALLER_PHONE = 'web';
const ABOUT = { library: 'hydracore-voice', library_version: '0.1.0' };

export function createBrowserCalls(parts: BrowserCallParts): BrowserCalls {
  const { store, clock, log } = parts;
  const unanswered = createUnansweredCalls({
    store,
    clock,
    log,
    isConnected: () => false,
    detail: 'The browser never connected the sound of the call.',
  });
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
  });

  const notAnswered = async ({ tenantId, callId }: MediaGrant, detail: string): Promise<void> => {
    const at = new Date(clock.now());
    const isEnded = await store.calls.end(tenantId, callId, { reason: 'not_answered', detail, at });
    if (isEnded) log.info({ callId, detail }, 'a browser call came to nothing');
  };

  const serve = async (socket: WebSocket, open: OpenResampler, grant: MediaGrant) => {
    const { tenantId, instanceId, callId } = grant;
    const transport = createRtviTransport(socket, {
      callId,
      clock,
      log,
      openResampler: open,
      about: ABOUT,
    });
    if (!(await transport.ready))
      return notAnswered(grant, 'The browser never said that it is ready.');
    const call = await store.calls.get(tenantId, callId);
    if (!call || call.state === 'ended') return transport.close();
    log.info({ instanceId, callId }, 'browser call connected');
    handOver(grant, transport);
  };

  const handOver = (grant: MediaGrant, transport: RtviTransport): void =>
    parts.answer({
      ...grant,
      callerPhone: CALLER_PHONE,
      calledPhone: '',
      carrierCallId: carrierIdOf(grant.callId),
      transport,
      // The socket is all there is of it, and the transport closes that.
      hangUpAtCarrier: () => Promise.resolve(true),
    });

  return {
    async start(instance) {
      const { tenantId, id: instanceId, agentConfig } = instance;
      const channel = await store.channels.get(tenantId, instanceId);
      const hours = agentConfig.voice.business_hours;
      checkVendors(channel, parts.vendorKeys);
      const answer = decideAnswer({
        isResumed: false,
        known: undefined,
        isServed: channel.enabled,
        isOpen: isOpenAt(hours, clock.now()),
        isReady: parts.ready(),
        hasRoom: parts.hasRoom(),
      });
      if (answer === 'closed')
        throw new VoiceError(
          'conflict',
          hours?.closed_message || 'The agent takes no calls outside its business hours.',
        );
      if (answer === 'call-again')
        throw new VoiceError('unavailable', 'This server takes no more calls now.');
      if (answer !== 'connect')
        throw new VoiceError('conflict', 'The voice channel of this agent is off.');

      const callId = newUuid();
      const grant = { tenantId, instanceId, callId };
      await store.calls.begin({
        id: callId,
        tenantId,
        instanceId,
        // Whatever carries the channel's phone calls, this one is carried here.
        provider: 'pipecat',
        carrierCallId: carrierIdOf(callId),
        callerPhone: CALLER_PHONE,
        calledPhone: '',
        nodeId: parts.nodeId,
        startedAt: new Date(clock.now()),
      });
      const token = newToken();
      unanswered.expect(grant, token);
      await store.mediaTokens.issue(token, grant, new Date(clock.now() + TOKEN_LIFE_MS));
      parts.prepare?.(tenantId, instanceId, WIDE_LINE);
      const origin = parts.publicUrl.replace(/^http/, 'ws');
      return { wsUrl: `${origin}/v1/instances/${instanceId}/rtvi`, token };
    },
    door: {
      path: /\/v1\/instances\/([^/]+)\/rtvi\/?$/,
      async open(request, socket, head, [, instanceId = '']) {
        if (!parts.ready()) return { status: 503, detail: 'This server takes no more calls now.' };
        const token = tokenOf(request.url ?? '');
        const open = await loadResampler();
        const grant = token && (await store.mediaTokens.consume(token, new Date(clock.now())));
        if (!grant) return REFUSED;
        if (grant.instanceId !== instanceId.toLowerCase()) {
          await notAnswered(grant, 'The token came to the socket of another agent.');
          return REFUSED;
        }
        server.handleUpgrade(request, socket, head, (ws) => {
          serve(ws, open, grant).catch((error: unknown) => {
            log.error({ instanceId, error: messageOf(error) }, 'a browser call failed');
            ws.close(1011);
          });
        });
        return undefined;
      },
    },
    close() {
      unanswered.close();
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
}

const REFUSED = { status: 401, detail: 'The token is wrong, used or expired.' };

/** Our own: no carrier has one for it. */
const carrierIdOf = (callId: string): string => `web-${callId}`;

/** Browsers cannot set headers on a WebSocket, so it stands in the query. It is good once. */
function tokenOf(url: string): string | undefined {
  const query = url.split('?', 2)[1] ?? '';
  const token = new URLSearchParams(query).get('token') ?? '';
  return /^[\w-]{1,128}$/.test(token) ? token : undefined;
}

/** Without a vendor for each role nobody would hear, think or speak. */
function checkVendors(
  channel: Channel | undefined,
  vendorKeys: BrowserCallParts['vendorKeys'],
): asserts channel is Channel {
  if (!channel) throw new VoiceError('conflict', 'The voice channel of this agent is not set up.');
  const roles = [
    ['speech-to-text', 'a speech-to-text key'],
    ['language-model', 'a language model key'],
    ['text-to-speech', 'a text-to-speech key'],
  ] as const;
  const missing = roles
    .filter(([role]) => !vendorKeys[role].some((field) => channel.secretsSet.includes(field)))
    .map(([role, name]) => `${name} (${vendorKeys[role].join(', ')})`);
  if (missing.length === 0) return;
  const why =
    channel.provider === 'retell'
      ? 'Retell carries only phone calls of this channel. For calls from a browser it needs'
      : 'For calls the voice channel still needs';
  throw new VoiceError('conflict', `${why} ${missing.join('; ')}.`);
}
