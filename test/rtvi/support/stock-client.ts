import { WebSocketTransport } from '@pipecat-ai/websocket-transport';
import { decodeMulaw, encodeMulaw, MULAW_SILENCE, PHONE_FRAME_BYTES } from '#audio/g711.ts';
import { loadResampler } from '#audio/resample.ts';
import type { OpenResampler } from '#audio/resample.ts';
import { systemClock } from '#lib/clock.ts';
import type { Caller } from '#sandbox/caller/caller.ts';
import { driveClient } from './client-drive.ts';
import type { ClientDrive } from './client-drive.ts';

// The client looks at its browser, and does without what is not there.
Object.assign(globalThis, { window: globalThis });

export type StockClient = {
  readonly drive: ClientDrive;
  /** How far the sound that arrived was ahead of its playing, at most. */
  readonly longestLeadMs: () => number;
};

/**
 * Pipecat's own client, unchanged, with a person of the sandbox where a browser has a microphone and
 * a loudspeaker.
 */
export async function stockClient(person: Caller): Promise<StockClient> {
  const media = createMedia(await loadResampler(), person);
  const transport = new WebSocketTransport({
    // The media managers that there are need a browser; all of one is here that the transport uses.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    mediaManager: media.manager as never,
  });
  const drive = driveClient(transport);
  void drive.over.then(media.stop);
  media.onHangUp(() => void drive.client.disconnect());
  return { drive, longestLeadMs: media.longestLeadMs };
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
