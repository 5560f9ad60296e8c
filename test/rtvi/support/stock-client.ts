import { PipecatClient } from '@pipecat-ai/client-js';
import type { RTVIEventCallbacks } from '@pipecat-ai/client-js';
import { WebSocketTransport } from '@pipecat-ai/websocket-transport';
import { decodeMulaw, encodeMulaw, MULAW_SILENCE, PHONE_FRAME_BYTES } from '#audio/g711.ts';
import { loadResampler } from '#audio/resample.ts';
import type { OpenResampler } from '#audio/resample.ts';
import { systemClock } from '#lib/clock.ts';
import type { Caller } from '#sandbox/caller/caller.ts';

// The client looks at its browser, and does without what is not there.
Object.assign(globalThis, { window: globalThis });

/** One thing that the client has told its page, in order. */
export type ClientEvent = { readonly name: string; readonly data: unknown };

export type StockCall = {
  readonly client: PipecatClient;
  readonly events: readonly ClientEvent[];
  /** The names of the events so far. */
  names(): readonly string[];
  of(name: string): readonly unknown[];
  /** How far the sound that arrived was ahead of its playing, at most. */
  readonly longestLeadMs: number;
  /** Resolves when the client is disconnected, whoever hung up. */
  readonly over: Promise<void>;
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

/**
 * Pipecat's own client, unchanged, with a person of the sandbox where a browser has a microphone and
 * a loudspeaker. Resolves once it is connected and the agent is ready.
 */
export async function stockCall(options: {
  /** The start endpoint, with what authorises for it. */
  readonly endpoint: string;
  readonly headers: Headers;
  readonly person: Caller;
  /** Where the server really is: its public address leads nowhere in a test. */
  readonly reachable: (wsUrl: string) => string;
}): Promise<StockCall> {
  const media = createMedia(await loadResampler(), options.person);
  const events: ClientEvent[] = [];
  const over = Promise.withResolvers<void>();
  const note = (name: string, data: unknown): void => {
    events.push({ name, data });
    if (name !== 'onDisconnected') return;
    media.stop();
    over.resolve();
  };
  const callbacks: RTVIEventCallbacks = Object.fromEntries(
    CALLBACKS.map((name) => [name, (data: unknown) => note(name, data)]),
  );
  const transport = new WebSocketTransport({
    // The media managers that there are need a browser; all of one is here that the transport uses.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    mediaManager: media.manager as never,
  });
  const client = new PipecatClient({ transport, enableMic: true, enableCam: false, callbacks });
  media.onHangUp(() => void client.disconnect());
  const { endpoint, headers } = options;
  const started = await client.startBot({ endpoint, headers });
  if (typeof started !== 'object' || started === null || !('wsUrl' in started))
    throw new Error('the start endpoint gave no wsUrl');
  await client.connect({ ...started, wsUrl: options.reachable(String(started.wsUrl)) });
  return {
    client,
    events,
    names: () => events.map(({ name }) => name),
    of: (name) => events.filter((event) => event.name === name).map(({ data }) => data),
    get longestLeadMs() {
      return media.longestLeadMs();
    },
    over: over.promise,
  };
}

const FRAME_MS = 20;
/** What a stock client records and plays. */
const MICROPHONE_HZ = 16_000;
const PLAYER_HZ = 24_000;
const CHUNK_SAMPLES = 512;
/** What the player waits for before it begins, as a build machine under load is late now and then. */
const JITTER_FRAMES = 10;

/** A microphone that is always on, and a player that cannot be told to forget, as in the browser. */
function createMedia(open: OpenResampler, person: Caller) {
  const toMicrophone = open(8_000, MICROPHONE_HZ);
  const fromPlayer = open(PLAYER_HZ, 8_000);
  let say: (data: ArrayBuffer) => void = () => undefined;
  let hangUp = (): void => undefined;
  let spoken: number[] = [];
  /** 8 kHz samples that wait to be played. */
  const playing: number[] = [];
  let dryFrames = Infinity;
  let longestLead = 0;
  let isOn = false;
  const abort = new AbortController();

  const frame = (): void => {
    dryFrames = playing.length === 0 ? Infinity : dryFrames - 1;
    if (playing.length > 0 && dryFrames === Infinity) dryFrames = JITTER_FRAMES;
    const pcm = Int16Array.from(dryFrames > 0 ? [] : playing.splice(0, PHONE_FRAME_BYTES));
    const heard = new Uint8Array(PHONE_FRAME_BYTES).fill(MULAW_SILENCE);
    heard.set(encodeMulaw(pcm));
    person.hear(heard);
    const mulaw = person.nextFrame() ?? new Uint8Array(PHONE_FRAME_BYTES).fill(MULAW_SILENCE);
    spoken.push(...toMicrophone.push(decodeMulaw(mulaw)));
    while (spoken.length >= CHUNK_SAMPLES) {
      const chunk = Int16Array.from(spoken.slice(0, CHUNK_SAMPLES));
      spoken = spoken.slice(CHUNK_SAMPLES);
      say(chunk.buffer);
    }
  };

  const run = async (): Promise<void> => {
    const startedMs = systemClock.now();
    for (let count = 1; !abort.signal.aborted; count += 1) {
      frame();
      await systemClock
        .sleep(startedMs + count * FRAME_MS - systemClock.now(), abort.signal)
        .catch(() => undefined);
    }
  };

  const device = { deviceId: 'test', kind: 'audioinput', label: 'test', groupId: '' };
  const manager = {
    setUserAudioCallback: (callback: (data: ArrayBuffer) => void) => void (say = callback),
    setClientOptions(given: { callbacks?: { onMicUpdated?: (mic: unknown) => void } }) {
      manager.options = given;
    },
    options: {} as { callbacks?: { onMicUpdated?: (mic: unknown) => void } },
    async initialize() {
      manager.options.callbacks?.onMicUpdated?.(device);
    },
    async connect() {
      if (isOn) return;
      isOn = true;
      person.answered({ press: () => undefined, hangUp: () => hangUp() });
      void run();
    },
    async disconnect() {
      stop();
    },
    bufferBotAudio(data: Int16Array) {
      playing.push(...fromPlayer.push(data));
      longestLead = Math.max(longestLead, playing.length / 8);
      return data;
    },
    tracks: () => ({ local: {} }),
    isMicEnabled: true,
    enableMic: () => undefined,
    selectedMic: device,
  };

  const stop = (): void => {
    if (abort.signal.aborted) return;
    abort.abort();
    // What was sent before the end is played to its end.
    while (playing.length > 0) {
      const heard = new Uint8Array(PHONE_FRAME_BYTES).fill(MULAW_SILENCE);
      heard.set(encodeMulaw(Int16Array.from(playing.splice(0, PHONE_FRAME_BYTES))));
      person.hear(heard);
    }
    person.ended('other-side');
  };

  return {
    manager,
    stop,
    onHangUp: (then: () => void) => void (hangUp = then),
    longestLeadMs: () => longestLead,
  };
}
