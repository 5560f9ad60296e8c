import { loadResampler } from '#audio/resample.ts';
import type {
  VoiceActivity,
  VoiceActivityEvent,
  VoiceActivityStream,
} from '#contracts/voice-activity.ts';
import type { Cancel, Clock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import type { Log } from '#lib/log.ts';
import { CLOSED_GATE, nextGate, PRE_ROLL_WINDOWS } from './gate.ts';
import type { Gate } from './gate.ts';
import { nextSpeech, SILENCE } from './hysteresis.ts';
import type { Speech } from './hysteresis.ts';
import { startInference } from './inference.ts';
import type { Inference } from './inference.ts';
import { narrow } from './narrow.ts';
import { loudUntilMs, WINDOW_MS, WINDOW_SAMPLES } from './window.ts';

export type SileroVoiceActivity = VoiceActivity & {
  /**
   * Resolves once everything written so far has been judged and its events have been said.
   * The model's work takes real time: in virtual time, await this after every step of the clock.
   */
  settled(): Promise<void>;
};

/** Beyond this, a larger batch costs as much for each stream as this one, and takes longer. */
const MAX_BATCH = 32;
/** How long a window waits for those of other streams. A batch of 32 costs a quarter of 32 batches of one. */
const BATCH_WITHIN_MS = 10;
/** After so many failures in a row there is no model any more, and loudness has to do. */
const MAX_FAILURES = 3;

type Window = { readonly mulaw: Uint8Array; readonly loudUntilMs: number };

type Stream = {
  readonly slot: number;
  readonly on: (event: VoiceActivityEvent) => void;
  /** Bytes that are no full window yet. */
  rest: Uint8Array;
  restBytes: number;
  /** Complete windows, none judged yet. */
  queue: Window[];
  /** How many windows have been judged: the stream's clock. */
  judged: number;
  /** The last windows the model was spared. */
  spared: Window[];
  /** Windows that the model must hear, without their being judged, before the next one. */
  preRoll: Window[];
  /** The next window for the model; undefined while nothing is to be done, or it is being done. */
  ready: Window | undefined;
  inFlight: boolean;
  fresh: boolean;
  gate: Gate;
  speech: Speech;
  closed: boolean;
};

/**
 * Silero's voice activity model (v6, 8 kHz) for all streams of the process: one thread, batches over
 * all streams, and a gate of energy before it. More than a telephone's band tells it nothing more, so
 * sound that has more is made into a telephone's. What a stream says depends on its own audio alone,
 * not on the clock, nor on what else is in a batch (beyond rounding).
 */
export async function createVoiceActivity(parts: {
  readonly clock: Clock;
  readonly log: Log;
  /** How the model is loaded; another one for tests. */
  readonly start?: () => Promise<Inference>;
}): Promise<SileroVoiceActivity> {
  const { clock, log, start = startInference } = parts;
  const openResampler = await loadResampler();
  let inference: Inference | undefined = await start();
  let failures = 0;
  const streams = new Set<Stream>();
  /** Those with a window for the model, in the order in which they are served. */
  const ready = new Set<Stream>();
  const freeSlots: number[] = [];
  let slotCount = 0;
  let running = false;
  let cancelTimer: Cancel | undefined;
  let idle: PromiseWithResolvers<void> | undefined;
  let closed = false;

  const judge = (stream: Stream, window: Window, probability: number): void => {
    const startMs = stream.judged * WINDOW_MS;
    stream.judged += 1;
    const next = nextSpeech(stream.speech, {
      startMs,
      endMs: startMs + WINDOW_MS,
      probability,
      loudUntilMs: window.loudUntilMs,
    });
    stream.speech = next.speech;
    if (!next.event || stream.closed) return;
    try {
      stream.on(next.event);
    } catch (error) {
      // One call's mistake must not stop the voice activity of all others.
      log.error({ error: messageOf(error) }, 'a listener of voice activity threw');
    }
  };

  /** Judges silent windows at once and stops at the first one that needs the model. */
  const advance = (stream: Stream): void => {
    while (!stream.closed && !stream.ready && !stream.inFlight) {
      const window = stream.queue.shift();
      if (!window) return;
      const wasOpen = stream.gate.open;
      const inSpeech = stream.speech.name === 'speech';
      stream.gate = nextGate(stream.gate, window.loudUntilMs > 0, inSpeech);
      if (!stream.gate.open) {
        stream.spared.push(window);
        if (stream.spared.length > PRE_ROLL_WINDOWS) stream.spared.shift();
        judge(stream, window, 0);
        continue;
      }
      if (!wasOpen) {
        stream.fresh = true;
        stream.preRoll = stream.spared;
        stream.spared = [];
      }
      stream.ready = window;
      ready.add(stream);
    }
  };

  const schedule = (): void => {
    if (running || closed) return;
    if (ready.size === 0) {
      idle?.resolve();
      idle = undefined;
      return;
    }
    if (ready.size >= MAX_BATCH || idle) return void run();
    cancelTimer ??= clock.after(BATCH_WITHIN_MS, () => void run());
  };

  const run = async (): Promise<void> => {
    cancelTimer?.();
    cancelTimer = undefined;
    running = true;
    // What became ready during a batch has waited for it already, so it need not wait once more.
    for (let batch = takeBatch(); batch.length > 0; batch = takeBatch()) await runBatch(batch);
    running = false;
    schedule();
  };

  /** Empty after `close`: there are no streams then. */
  const takeBatch = (): Stream[] => {
    const batch: Stream[] = [];
    for (const stream of ready) {
      if (batch.length === MAX_BATCH) break;
      batch.push(stream);
      ready.delete(stream);
    }
    return batch;
  };

  const runBatch = async (batch: readonly Stream[]): Promise<void> => {
    const windows = batch.map((stream) => stream.preRoll[0] ?? stream.ready);
    for (const stream of batch) stream.inFlight = true;
    const probabilities = await infer(batch, windows);
    for (const [row, stream] of batch.entries()) {
      stream.inFlight = false;
      stream.fresh = false;
      const window = stream.ready;
      // Closed meanwhile.
      if (!window) continue;
      if (stream.preRoll.shift()) {
        ready.add(stream);
        continue;
      }
      stream.ready = undefined;
      judge(stream, window, probabilities[row] ?? 0);
      advance(stream);
    }
  };

  const infer = async (
    batch: readonly Stream[],
    windows: readonly (Window | undefined)[],
  ): Promise<ArrayLike<number>> => {
    for (let model = inference; model; model = inference) {
      const mulaw = new Uint8Array(batch.length * WINDOW_SAMPLES);
      for (const [row, window] of windows.entries())
        if (window) mulaw.set(window.mulaw, row * WINDOW_SAMPLES);
      try {
        const probabilities = await model.run({
          slots: Uint32Array.from(batch, (stream) => stream.slot),
          fresh: Uint8Array.from(batch, (stream) => (stream.fresh ? 1 : 0)),
          mulaw,
        });
        failures = 0;
        return probabilities;
      } catch (error) {
        await restart(error);
      }
    }
    return windows.map((window) => (window && window.loudUntilMs > 0 ? 1 : 0));
  };

  const restart = async (error: unknown): Promise<void> => {
    inference = undefined;
    if (closed) return;
    failures += 1;
    log.error({ error: messageOf(error), failures }, 'voice activity model failed');
    for (const stream of streams) stream.fresh = true;
    if (failures >= MAX_FAILURES) return;
    try {
      const model = await start();
      if (closed) await model.close();
      else inference = model;
    } catch (reason) {
      await restart(reason);
    }
  };

  const write = (stream: Stream, mulaw: Uint8Array): void => {
    for (let from = 0; from < mulaw.length;) {
      const take = Math.min(WINDOW_SAMPLES - stream.restBytes, mulaw.length - from);
      stream.rest.set(mulaw.subarray(from, from + take), stream.restBytes);
      stream.restBytes += take;
      from += take;
      if (stream.restBytes < WINDOW_SAMPLES) return;
      stream.queue.push({ mulaw: stream.rest, loudUntilMs: loudUntilMs(stream.rest) });
      stream.rest = new Uint8Array(WINDOW_SAMPLES);
      stream.restBytes = 0;
    }
  };

  return {
    open(on, audio): VoiceActivityStream {
      const narrower = narrow(openResampler, audio);
      const stream: Stream = {
        slot: freeSlots.pop() ?? slotCount++,
        on,
        rest: new Uint8Array(WINDOW_SAMPLES),
        restBytes: 0,
        queue: [],
        judged: 0,
        spared: [],
        preRoll: [],
        ready: undefined,
        inFlight: false,
        fresh: true,
        gate: CLOSED_GATE,
        speech: SILENCE,
        closed: false,
      };
      streams.add(stream);
      return {
        write(sound) {
          if (stream.closed || closed) return;
          write(stream, narrower ? narrower.toMulaw(sound) : sound);
          advance(stream);
          if (stream.ready) schedule();
        },
        close() {
          if (stream.closed) return;
          stream.closed = true;
          narrower?.close();
          stream.ready = undefined;
          streams.delete(stream);
          ready.delete(stream);
          freeSlots.push(stream.slot);
          schedule();
        },
      };
    },
    settled() {
      if (!running && ready.size === 0) return Promise.resolve();
      idle ??= Promise.withResolvers();
      const { promise } = idle;
      schedule();
      return promise;
    },
    async close() {
      if (closed) return;
      closed = true;
      cancelTimer?.();
      for (const stream of streams) {
        stream.closed = true;
        stream.ready = undefined;
      }
      streams.clear();
      ready.clear();
      idle?.resolve();
      const model = inference;
      inference = undefined;
      await model?.close();
    },
  };
}
