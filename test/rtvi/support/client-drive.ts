import { LogLevel, PipecatClient } from '@pipecat-ai/client-js';
import type { RTVIEventCallbacks, Transport } from '@pipecat-ai/client-js';

/** One thing that the client has told its page, in order. */
export type ClientEvent = { readonly name: string; readonly data: unknown };

/** Where a client calls, and what authorises it to. */
export type Target = {
  /** The start endpoint. */
  readonly endpoint: string;
  readonly apiKey: string;
  /** Where the server's sockets really are: its public address leads nowhere in a test. */
  readonly socketOrigin: string;
};

/** What an endpoint of this kind gives. */
export type Connection = { readonly wsUrl: string; readonly token: string };

/** Pipecat's own client, unchanged, in the hands of a test. Runs in Node and in a page. */
export type ClientDrive = {
  readonly client: PipecatClient;
  readonly events: readonly ClientEvent[];
  /** Resolves when the client is disconnected, whoever hung up. */
  readonly over: Promise<void>;
  /** Asks for a call and connects to it; resolves once the agent is ready. */
  start(target: Target): Promise<void>;
  /** Connects to a call that was asked for by somebody else. */
  connect(connection: Connection, socketOrigin: string): Promise<void>;
};

const CALLBACKS = [
  'onConnected',
  'onDisconnected',
  'onError',
  'onBotStarted',
  'onBotReady',
  'onMetrics',
  'onServerMessage',
  'onMessageError',
  'onUserStartedSpeaking',
  'onUserStoppedSpeaking',
  'onBotStartedSpeaking',
  'onBotStoppedSpeaking',
  'onUserTranscript',
  'onUserLlmText',
  'onBotOutput',
  'onBotTranscript',
  'onBotLlmText',
  'onBotLlmStarted',
  'onBotLlmStopped',
  'onBotTtsText',
  'onBotTtsStarted',
  'onBotTtsStopped',
  'onLLMFunctionCallStarted',
  'onLLMFunctionCallInProgress',
  'onLLMFunctionCallStopped',
] as const satisfies readonly (keyof RTVIEventCallbacks)[];

export function driveClient(transport: Transport): ClientDrive {
  const events: ClientEvent[] = [];
  const over = Promise.withResolvers<void>();
  const note = (name: string, data: unknown): void => {
    events.push({ name, data });
    if (name === 'onDisconnected') over.resolve();
  };
  const callbacks: RTVIEventCallbacks = Object.fromEntries(
    CALLBACKS.map((name) => [name, (data: unknown) => note(name, data)]),
  );
  const client = new PipecatClient({ transport, enableMic: true, enableCam: false, callbacks });
  // It writes down every message.
  client.setLogLevel(LogLevel.NONE);
  const connect: ClientDrive['connect'] = async ({ wsUrl, token }, socketOrigin) => {
    await client.connect({ wsUrl: wsUrl.replace(/^wss?:\/\/[^/]+/, socketOrigin), token });
  };
  return {
    client,
    events,
    over: over.promise,
    connect,
    async start({ endpoint, apiKey, socketOrigin }) {
      const headers = new Headers({ 'x-api-key': apiKey });
      const started = await client.startBot({ endpoint, headers });
      if (!isConnection(started)) throw new Error('the start endpoint gave no connection');
      await connect(started, socketOrigin);
    },
  };
}

const isConnection = (given: unknown): given is Connection =>
  typeof given === 'object' && given !== null && 'wsUrl' in given && 'token' in given;
