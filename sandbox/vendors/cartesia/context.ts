import type { Cancel, Clock } from '#lib/clock.ts';
import { bytesOf, clipAudio } from '../../speech/clip-audio.ts';
import type { SpeechClip, VoiceBank } from '../../speech/speech.ts';
import { invalidRequest } from './errors.ts';
import type { CartesiaFailure } from './errors.ts';
import type { GenerationRequest } from './request.ts';
import { isSpeakable, splitAll, splitSpeech } from '../segments.ts';

/** Read anew for every piece of speech, so they may be changed. */
export type CartesiaTiming = {
  /** From text that can be spoken to its first audio. */
  firstSpeechMs: number;
  /** How many times faster than it is spoken the audio is sent. */
  realTimeFactor: number;
  /** Length of one chunk of audio, in its own time. */
  chunkMs: number;
};

/** One context: text in, speech and word times out. */
export type CartesiaContext = {
  /** Answers what is wrong with an input that does not belong in this context; it ends it. */
  input(request: GenerationRequest): CartesiaFailure | undefined;
  /** Nothing new is begun; the piece that is being spoken goes on to its end. */
  cancel(): void;
  /** Stops at once, without a message: the connection is gone. */
  drop(): void;
};

/** A context expires this long after its last audio was sent. */
const EXPIRY_MS = 1_000;

type Job =
  | { readonly kind: 'speak'; readonly clip: Promise<SpeechClip>; readonly dueAtMs: number }
  | { readonly kind: 'flush' };

export function createContext(options: {
  /** The first input decides voice, format and timestamps. */
  readonly first: GenerationRequest;
  readonly bank: VoiceBank;
  readonly clock: Clock;
  readonly timing: CartesiaTiming;
  readonly send: (message: object) => void;
  /** Called once: the context counts no more. */
  readonly ended: () => void;
  /** A fault of the sandbox's own, not one that is played. */
  readonly crashed: (error: unknown) => void;
}): CartesiaContext {
  const { first, bank, clock, timing } = options;
  const stop = new AbortController();
  const jobs: Job[] = [];
  let state: 'open' | 'finishing' | 'cancelled' | 'over' = 'open';
  let buffer = '';
  let cancelDelay: Cancel | undefined;
  let cancelExpiry: Cancel | undefined;
  let working = false;
  let flushId = 1;
  /** Length of the audio sent so far: where the next piece begins. */
  let spokenMs = 0;

  const send = (message: Readonly<Record<string, unknown>>): void =>
    options.send({ ...message, context_id: first.contextId });

  const end = (): void => {
    if (state === 'over') return;
    state = 'over';
    cancelDelay?.();
    cancelExpiry?.();
    options.ended();
  };
  const finish = (): void => {
    send({ type: 'done', done: true, status_code: 200 });
    end();
  };

  const speak = (texts: readonly string[]): void => {
    const dueAtMs = clock.now() + timing.firstSpeechMs;
    for (const text of texts) {
      if (!isSpeakable(text)) continue;
      const clip = bank.speak(text.trim(), first.voice.bankVoice);
      // Its turn may never come; when it does, the failure is met there.
      clip.catch(() => undefined);
      jobs.push({ kind: 'speak', clip, dueAtMs });
    }
  };
  const speakAll = (): void => {
    cancelDelay?.();
    cancelDelay = undefined;
    speak(splitAll(buffer));
    buffer = '';
  };

  const work = async (): Promise<void> => {
    if (working) return;
    working = true;
    cancelExpiry?.();
    for (let job = jobs.shift(); job; job = jobs.shift()) {
      if (job.kind === 'flush') {
        send({
          type: 'flush_done',
          done: false,
          flush_done: true,
          flush_id: flushId,
          status_code: 226,
        });
        flushId += 1;
        continue;
      }
      const clip = await job.clip;
      await clock.sleep(Math.max(0, job.dueAtMs - clock.now()), stop.signal);
      if (state === 'cancelled') break;
      await deliver(clip);
    }
    working = false;
    if (state === 'cancelled') end();
    else if (state === 'finishing') finish();
    else if (spokenMs > 0 && buffer.trim() === '') cancelExpiry = clock.after(EXPIRY_MS, finish);
  };

  const deliver = async (clip: SpeechClip): Promise<void> => {
    const audio = clipAudio(clip, first.format);
    const bytesPerMs = bytesOf(1, first.format);
    const chunkBytes = bytesOf(timing.chunkMs, first.format);
    const beganMs = spokenMs;
    const startedAtMs = clock.now();
    for (let from = 0; from < audio.length; from += chunkBytes) {
      const dueAtMs = startedAtMs + from / bytesPerMs / timing.realTimeFactor;
      if (dueAtMs > clock.now()) await clock.sleep(dueAtMs - clock.now(), stop.signal);
      const chunk = audio.subarray(from, from + chunkBytes);
      send({
        type: 'chunk',
        data: chunk.toString('base64'),
        done: false,
        status_code: 206,
        step_time: timing.chunkMs / timing.realTimeFactor,
        flush_id: flushId,
      });
      const fromMs = from / bytesPerMs;
      spokenMs = beganMs + fromMs + chunk.length / bytesPerMs;
      if (first.addTimestamps) sendWords(clip, fromMs, fromMs + timing.chunkMs, beganMs);
    }
  };

  /** The words that begin in this part of the clip. */
  const sendWords = (clip: SpeechClip, fromMs: number, toMs: number, beganMs: number): void => {
    const words = clip.words.filter((word) => word.startMs >= fromMs && word.startMs < toMs);
    if (words.length === 0) return;
    send({
      type: 'timestamps',
      done: false,
      status_code: 206,
      flush_id: flushId,
      word_timestamps: {
        words: words.map((word) => word.text),
        start: words.map((word) => seconds(beganMs + word.startMs)),
        end: words.map((word) => seconds(beganMs + word.endMs)),
      },
    });
  };

  const start = (): void =>
    void work().catch((error: unknown) => {
      if (!stop.signal.aborted) options.crashed(error);
    });

  return {
    input(request) {
      if (state !== 'open') return invalidRequest('The context takes no more inputs.');
      if (request.fixedFields !== first.fixedFields)
        return invalidRequest(
          'All inputs of a context must have the same fields, except transcript, continue, flush and duration.',
        );
      cancelExpiry?.();
      buffer += request.transcript;
      if (request.flush) {
        speakAll();
        jobs.push({ kind: 'flush' });
      } else if (!request.continues) {
        speakAll();
        state = 'finishing';
      } else if (request.maxBufferDelayMs === 0) speakAll();
      else {
        const { segments, rest } = splitSpeech(buffer);
        speak(segments);
        buffer = rest;
        if (segments.length > 0) {
          cancelDelay?.();
          cancelDelay = undefined;
        }
        if (buffer.trim() !== '')
          cancelDelay ??= clock.after(request.maxBufferDelayMs, () => {
            speakAll();
            start();
          });
      }
      start();
      return undefined;
    },
    cancel() {
      if (state === 'over') return;
      state = 'cancelled';
      jobs.length = 0;
      buffer = '';
      cancelDelay?.();
      cancelExpiry?.();
      if (!working) end();
    },
    drop() {
      stop.abort();
      end();
    },
  };
}

/** To the microsecond: finer than a sample at any rate. */
const seconds = (ms: number): number => Math.round(ms * 1_000) / 1_000_000;
