import type { Cancel, Clock } from '#lib/clock.ts';
import { bytesOf, clipAudio } from '../../speech/clip-audio.ts';
import type { SpeechClip, VoiceBank } from '../../speech/speech.ts';
import { isSpeakable, splitAll } from '../segments.ts';
import { characterTimes, socketAlignment } from './alignment.ts';
import type { ClientMessage } from './client-message.ts';
import type { StreamQuery } from './stream-query.ts';

/** Read anew for every piece of speech, so they may be changed. */
export type ElevenLabsTiming = {
  /** From text that can be spoken to its first audio. */
  firstSpeechMs: number;
  /** How many times faster than it is spoken the audio is sent. */
  realTimeFactor: number;
  /** Length of one piece of audio, in its own time. */
  chunkMs: number;
};

/** One context of a socket: text in; speech and times of characters out. */
export type ElevenLabsContext = {
  input(message: ClientMessage): void;
  /** What was flushed is still spoken, what was not is forgotten; then the context is final. */
  close(): void;
  /** Stops at once, without a message: the connection is gone. */
  drop(): void;
};

/** Lengths in characters, after which text that was not flushed is spoken. */
const CHUNK_SCHEDULE: readonly number[] = [120, 160, 250, 290];

type Job = { readonly text: string; readonly dueAtMs: number; readonly isFlushed: boolean };

export function createContext(options: {
  readonly contextId: string;
  /** The first message may bring a chunk schedule of its own. */
  readonly first: ClientMessage;
  readonly stream: StreamQuery;
  readonly bank: VoiceBank;
  readonly clock: Clock;
  readonly timing: ElevenLabsTiming;
  readonly send: (message: object) => void;
  /** Called once: the context counts no more. */
  readonly ended: () => void;
  /** A fault of the sandbox's own, not one that is played. */
  readonly crashed: (error: unknown) => void;
}): ElevenLabsContext {
  const { contextId, stream, bank, clock, timing } = options;
  const schedule = options.first.generation_config?.chunk_length_schedule ?? CHUNK_SCHEDULE;
  const stop = new AbortController();
  let jobs: Job[] = [];
  let state: 'open' | 'closing' | 'over' = 'open';
  let buffer = '';
  let generationCount = 0;
  let working = false;
  let cancelInactivity: Cancel = () => undefined;

  const end = (): void => {
    if (state === 'over') return;
    state = 'over';
    cancelInactivity();
    options.ended();
  };
  const speakBuffer = (isFlushed: boolean): void => {
    const dueAtMs = clock.now() + timing.firstSpeechMs;
    for (const text of splitAll(buffer)) {
      if (!isSpeakable(text)) continue;
      // Its turn may never come; when it does, a failure is met there.
      bank.speak(text.trim(), stream.voice.bankVoice).catch(() => undefined);
      jobs.push({ text, dueAtMs, isFlushed });
    }
    buffer = '';
    generationCount += 1;
  };

  const work = async (): Promise<void> => {
    if (working) return;
    working = true;
    for (let job = jobs.shift(); job; job = jobs.shift()) {
      const clip = await bank.speak(job.text.trim(), stream.voice.bankVoice);
      await clock.sleep(Math.max(0, job.dueAtMs - clock.now()), stop.signal);
      await deliver(clip, job.text);
    }
    working = false;
    if (state !== 'closing') return;
    options.send({ isFinal: true, contextId });
    end();
  };
  const start = (): void =>
    void work().catch((error: unknown) => {
      if (!stop.signal.aborted) options.crashed(error);
    });

  const deliver = async (clip: SpeechClip, text: string): Promise<void> => {
    const audio = clipAudio(clip, stream.format);
    const bytesPerMs = bytesOf(1, stream.format);
    const chunkBytes = bytesOf(timing.chunkMs, stream.format);
    const times = characterTimes(clip, text);
    const startedAtMs = clock.now();
    for (let from = 0; from < audio.length; from += chunkBytes) {
      const dueAtMs = startedAtMs + from / bytesPerMs / timing.realTimeFactor;
      if (dueAtMs > clock.now()) await clock.sleep(dueAtMs - clock.now(), stop.signal);
      const fromMs = from / bytesPerMs;
      const isLast = from + chunkBytes >= audio.length;
      const here = stream.syncAlignment
        ? times.filter(
            ({ startMs }) => startMs >= fromMs && (isLast || startMs < fromMs + timing.chunkMs),
          )
        : from === 0
          ? times
          : [];
      const alignment = socketAlignment(here, fromMs);
      options.send({
        audio: audio.subarray(from, from + chunkBytes).toString('base64'),
        isFinal: null,
        normalizedAlignment: alignment,
        alignment,
        contextId,
      });
    }
  };

  const close = (): void => {
    if (state !== 'open') return;
    state = 'closing';
    cancelInactivity();
    buffer = '';
    jobs = jobs.filter(({ isFlushed }) => isFlushed);
    if (!working) start();
  };
  const watch = (): void => {
    cancelInactivity();
    cancelInactivity = clock.after(stream.inactivityTimeoutS * 1_000, close);
  };
  watch();

  return {
    input({ text, flush }) {
      if (state !== 'open') return;
      watch();
      buffer += text ?? '';
      const due = schedule[Math.min(generationCount, schedule.length - 1)] ?? 0;
      if (flush || stream.autoMode || buffer.length >= due) {
        if (isSpeakable(buffer)) speakBuffer(flush ?? false);
        // What waits since before was flushed with it.
        if (flush) jobs = jobs.map((job) => ({ ...job, isFlushed: true }));
      }
      start();
    },
    close,
    drop() {
      stop.abort();
      end();
    },
  };
}
