import { once } from 'node:events';
import Fastify from 'fastify';
import type { FastifyInstance } from 'fastify';
import webhooks from 'twilio/lib/webhooks/webhooks.js';
import { WebSocket } from 'ws';
import { registerHooks } from '#api/hooks.ts';
import type { HookParts } from '#api/hooks-calls.ts';
import type { IncomingCall } from '#contracts/incoming-call.ts';
import { createLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import { parseTwiml } from '#sandbox/carrier/twiml.ts';
import type { StreamNoun, Verb } from '#sandbox/carrier/twiml.ts';
import type { ChannelChange, Store } from '#store/store.ts';

export const PUBLIC_URL = 'https://voice.example.test';
export const AUTH_TOKEN = 'the-twilio-auth-token-0123456789';
export const TENANT = '22222222-2222-4222-8222-222222222222';

export type HookResponse = {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: string;
};

export type HooksRig = {
  readonly clock: VirtualClock;
  readonly instanceId: string;
  /** Calls handed over, in order. */
  readonly answered: readonly IncomingCall[];
  /** Everything that was logged, as text. */
  readonly logged: () => string;
  readonly origin: string;
  /** A form posted as Twilio does; `signedFor` signs another URL than the one posted to, null does not sign. */
  post(
    path: string,
    form: Readonly<Record<string, string>>,
    change?: { readonly signedFor?: string | null; readonly authToken?: string },
  ): Promise<HookResponse>;
  /** Asks what to do with a call; the answer must be valid TwiML. */
  ask(callSid: string, query?: string): Promise<readonly Verb[]>;
  /** The media socket that a call's TwiML names, not yet started. Rejects with the status of a refused upgrade. */
  connect(change?: { readonly path?: string; readonly signedFor?: string }): Promise<WebSocket>;
  readonly close: () => Promise<unknown>;
};

/** The hooks on a real port, in virtual time, for a new instance in `store`, which outlives them. */
export async function openHooks(
  options: Partial<HookParts> & {
    readonly store: Store;
    readonly channel?: ChannelChange;
    /** What they are registered on; an app of their own when absent. */
    readonly app?: FastifyInstance;
  },
): Promise<HooksRig> {
  const { channel, store, app = Fastify(), ...parts } = options;
  const clock = virtualClock(Date.UTC(2026, 0, 1));
  const lines: string[] = [];
  const log = createLog({
    level: 'trace',
    keepPii: true,
    destination: { write: (line: string) => void lines.push(line) },
  });
  await store.ensureTenant(TENANT);
  const instance = await store.instances.create(TENANT, {
    name: 'demo',
    agentConfig: agentConfigSchema.parse({}),
  });
  await store.channels.upsert(TENANT, instance.id, {
    provider: 'pipecat',
    enabled: true,
    status: 'active',
    secrets: { twilio_auth_token: AUTH_TOKEN },
    ...channel,
  });

  const answered: IncomingCall[] = [];
  registerHooks(app, {
    store,
    clock,
    log,
    publicUrl: PUBLIC_URL,
    twilioUrl: 'http://127.0.0.1:9',
    nodeId: 'node-1',
    ready: () => true,
    hasRoom: () => true,
    answer: (call) => void answered.push(call),
    takeEvent: async () => undefined,
    ...parts,
  });
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  const root = `/hooks/voice/${instance.id}`;

  const post: HooksRig['post'] = async (path, form, change = {}) => {
    const { signedFor = PUBLIC_URL + path, authToken = AUTH_TOKEN } = change;
    const response = await fetch(origin + path, {
      method: 'POST',
      headers:
        signedFor === null
          ? {}
          : {
              'x-twilio-signature': webhooks.getExpectedTwilioSignature(authToken, signedFor, form),
            },
      body: new URLSearchParams(form),
    });
    return {
      status: response.status,
      type: response.headers.get('content-type') ?? undefined,
      body: await response.text(),
    };
  };

  return {
    clock,
    instanceId: instance.id,
    answered,
    logged: () => lines.join(''),
    origin,
    post,
    async ask(callSid, query = '') {
      const response = await post(`${root}/twiml${query}`, ringing(callSid));
      if (response.status !== 200 || response.type !== 'text/xml; charset=utf-8')
        throw new Error(`no TwiML: ${response.status} ${response.type} ${response.body}`);
      const twiml = parseTwiml(response.body);
      if (!twiml.ok || twiml.warnings.length > 0) throw new Error(`bad TwiML: ${response.body}`);
      return twiml.verbs;
    },
    async connect(change = {}) {
      const { path = `${root}/stream`, signedFor = PUBLIC_URL.replace('https', 'wss') + path } =
        change;
      const socket = new WebSocket(origin.replace('http', 'ws') + path, {
        perMessageDeflate: false,
        headers: {
          'x-twilio-signature': webhooks.getExpectedTwilioSignature(AUTH_TOKEN, signedFor, {}),
        },
      });
      const refused = new Promise<never>((_resolve, reject) => {
        socket.once('unexpected-response', (_request, response) => {
          reject(new Error(`refused with ${response.statusCode}`));
          response.resume();
        });
      });
      socket.on('error', () => undefined);
      await Promise.race([once(socket, 'open'), refused]);
      return socket;
    },
    close: () => app.close(),
  };
}

/** What Twilio posts about a new call. */
export const ringing = (callSid: string): Record<string, string> => ({
  CallSid: callSid,
  AccountSid: `AC${'a'.repeat(32)}`,
  From: '+15550001',
  To: '+15550100',
  CallStatus: 'ringing',
  Direction: 'inbound',
  ApiVersion: '2010-04-01',
});

export const callSidOf = (digit: string): string => `CA${digit.repeat(32)}`;

/** The stream that the TwiML connects to. */
export function streamOf(verbs: readonly Verb[]): StreamNoun {
  const [connect, redirect] = verbs;
  if (connect?.verb !== 'Connect' || redirect?.verb !== 'Redirect')
    throw new Error(`not connected: ${JSON.stringify(verbs)}`);
  return connect.stream;
}

/** Says what Twilio says when a stream starts. */
export function startStream(
  socket: WebSocket,
  callSid: string,
  parameters: Readonly<Record<string, string>>,
): void {
  socket.send(JSON.stringify({ event: 'connected', protocol: 'Call', version: '1.0.0' }));
  socket.send(
    JSON.stringify({
      event: 'start',
      sequenceNumber: '1',
      streamSid: `MZ${'c'.repeat(32)}`,
      start: {
        accountSid: `AC${'a'.repeat(32)}`,
        callSid,
        streamSid: `MZ${'c'.repeat(32)}`,
        tracks: ['inbound'],
        mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8_000, channels: 1 },
        customParameters: parameters,
      },
    }),
  );
}
