import soundWorklet from '../worklets/sound.ts?worker&url';
import { createLoudness } from './loudness.ts';

/** What a stock client plays, and what it records where the browser can. */
const LOUDSPEAKER_HZ = 24_000;
const MICROPHONE_HZ = 16_000;
/** What has been sent before the end of a call is heard to its end. */
const TAIL_MS = 500;

/** The sound of one call: a microphone, if there is one, and the loudspeaker. */
export type CallSound = {
  /**
   * For the `mediaManager` of Pipecat's WebSocket transport. Those that come with it load a program
   * from elsewhere, or keep all that was ever said in memory, and none can do without a microphone.
   */
  readonly manager: object;
  /** At which the microphone is sent. */
  readonly microphoneHz: number;
  /** How loud both voices were since this was last read, in dBFS. */
  readonly levels: () => { readonly callerDbfs: number; readonly agentDbfs: number };
  /** May be called again; the manager's `disconnect` does it too. */
  readonly close: () => void;
};

/** @throws where the browser cannot play sound */
export async function openCallSound(microphone: MediaStream | undefined): Promise<CallSound> {
  const loudspeaker = await openContext(LOUDSPEAKER_HZ);
  const player = new AudioWorkletNode(loudspeaker, 'loudspeaker', { numberOfInputs: 0 });
  player.connect(loudspeaker.destination);
  const recorder = microphone && (await openRecorder(microphone));
  const [track] = microphone?.getAudioTracks() ?? [];
  const caller = createLoudness();
  const agent = createLoudness();
  let send: (pcm: ArrayBuffer) => void = () => undefined;
  let isOn = false;
  let isEnabled = true;

  recorder?.node.port.addEventListener('message', ({ data }: MessageEvent<ArrayBuffer>) => {
    if (!isOn || !isEnabled) return;
    caller.add(new Int16Array(data));
    send(data);
  });
  recorder?.node.port.start();

  let isClosed = false;
  const close = (): void => {
    if (isClosed) return;
    isClosed = true;
    isOn = false;
    track?.stop();
    void recorder?.context.close();
    setTimeout(() => void loudspeaker.close(), TAIL_MS);
  };

  const device = { deviceId: track?.getSettings().deviceId ?? '', label: track?.label ?? '' };
  type Options = { readonly callbacks?: { readonly onMicUpdated?: (mic: object) => void } };
  let options: Options = {};
  const manager = {
    setUserAudioCallback: (callback: typeof send) => void (send = callback),
    setClientOptions: (given: Options) => void (options = given),
    initialize: async () => {
      if (track) options.callbacks?.onMicUpdated?.(device);
    },
    connect: async () => void (isOn = true),
    disconnect: async () => close(),
    bufferBotAudio(pcm: Int16Array) {
      agent.add(pcm);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has no origin
      player.port.postMessage(pcm);
      return pcm;
    },
    userStartedSpeaking: async () => undefined,
    getAllMics: async () => (track ? [device] : []),
    getAllCams: async () => [],
    getAllSpeakers: async () => [],
    selectedMic: device,
    get isMicEnabled() {
      return isEnabled;
    },
    enableMic(enabled: boolean) {
      isEnabled = enabled;
      if (track) track.enabled = enabled;
    },
    tracks: () => ({ local: track ? { audio: track } : {} }),
  };

  return {
    manager,
    microphoneHz: recorder?.context.sampleRate ?? MICROPHONE_HZ,
    levels: () => ({ callerDbfs: caller.read(), agentDbfs: agent.read() }),
    close,
  };
}

async function openRecorder(microphone: MediaStream) {
  let context = await openContext(MICROPHONE_HZ);
  let source;
  try {
    source = context.createMediaStreamSource(microphone);
  } catch {
    // Firefox takes a microphone only at the rate of its own: the server takes any.
    await context.close();
    context = await openContext(undefined);
    source = context.createMediaStreamSource(microphone);
  }
  const node = new AudioWorkletNode(context, 'microphone', { numberOfOutputs: 0 });
  source.connect(node);
  return { context, node };
}

async function openContext(sampleRate: number | undefined): Promise<AudioContext> {
  const context = new AudioContext(sampleRate === undefined ? {} : { sampleRate });
  await context.audioWorklet.addModule(soundWorklet);
  // A browser may start without sound; this follows a click of the page's person.
  void context.resume();
  return context;
}
