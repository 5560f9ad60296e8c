import { WebSocketTransport } from '@pipecat-ai/websocket-transport';
import { bytesOfSamples, samplesOf } from '#audio/format.ts';
import { systemClock } from '#lib/clock.ts';
import { FRAME_MS } from '#sandbox/caller/caller.ts';
import type { Caller } from '#sandbox/caller/caller.ts';
import type { CallerLine } from '#sandbox/caller/scripted-caller.ts';
import { driveClient } from './client-drive.ts';
import type { ClientDrive } from './client-drive.ts';

// The client looks at its browser, and does without what is not there.
Object.assign(globalThis, { window: globalThis });

export type StockClient = {
  readonly drive: ClientDrive;
  /** How far the sound that arrived was ahead of its playing, at most. */
  readonly longestLeadMs: () => number;
  /** All sound that arrived, 24 kHz. */
  readonly received: () => Int16Array;
};

/**
 * Pipecat's own client, unchanged, with a person of the sandbox where a browser has a microphone and
 * a loudspeaker, who speaks and hears `STOCK_LINE`.
 */
export function stockClient(person: Caller): StockClient {
  const media = createMedia(person);
  const transport = new WebSocketTransport({
    // The media managers that there are need a browser; all of one is here that the transport uses.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    mediaManager: media.manager as never,
  });
  const drive = driveClient(transport);
  void drive.over.then(media.stop);
  media.onHangUp(() => void drive.client.disconnect());
  return { drive, longestLeadMs: media.longestLeadMs, received: media.received };
}

/** What a stock client records and plays. */
export const STOCK_LINE: CallerLine = {
  speaks: { encoding: 'linear16', sampleRateHz: 16_000 },
  hears: { encoding: 'linear16', sampleRateHz: 24_000 },
};
const PLAYER_HZ = 24_000;
const MICROPHONE_FRAME_SAMPLES = (16_000 * FRAME_MS) / 1_000;
const PLAYER_FRAME_SAMPLES = (PLAYER_HZ * FRAME_MS) / 1_000;
const CHUNK_SAMPLES = 512;
/** What the player waits for before it begins, as a build machine under load is late now and then. */
const JITTER_FRAMES = 10;

/** A microphone that is always on, and a player that cannot be told to forget, as in the browser. */
function createMedia(person: Caller) {
  let say: (data: ArrayBuffer) => void = () => undefined;
  let hangUp = (): void => undefined;
  let spoken: number[] = [];
  /** Samples that wait to be played. */
  const playing: number[] = [];
  const received: Int16Array[] = [];
  let dryFrames = Infinity;
  let longestLead = 0;
  let isOn = false;
  const abort = new AbortController();

  const frame = (): void => {
    dryFrames = playing.length === 0 ? Infinity : dryFrames - 1;
    if (playing.length > 0 && dryFrames === Infinity) dryFrames = JITTER_FRAMES;
    const pcm = Int16Array.from(dryFrames > 0 ? [] : playing.splice(0, PLAYER_FRAME_SAMPLES));
    person.hear(frameOf(pcm));
    const said = person.nextFrame();
    spoken.push(...(said ? samplesOf(said) : new Int16Array(MICROPHONE_FRAME_SAMPLES)));
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
      received.push(Int16Array.from(data));
      playing.push(...data);
      longestLead = Math.max(longestLead, (playing.length * 1_000) / PLAYER_HZ);
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
    while (playing.length > 0)
      person.hear(frameOf(Int16Array.from(playing.splice(0, PLAYER_FRAME_SAMPLES))));
    person.ended('other-side');
  };

  return {
    manager,
    stop,
    onHangUp: (then: () => void) => void (hangUp = then),
    longestLeadMs: () => longestLead,
    received: () => Int16Array.from(received.flatMap((data) => [...data])),
  };
}

/** 20 ms for the loudspeaker, what is missing silent. */
function frameOf(pcm: Int16Array): Uint8Array {
  const frame = new Int16Array(PLAYER_FRAME_SAMPLES);
  frame.set(pcm);
  return bytesOfSamples(frame);
}
