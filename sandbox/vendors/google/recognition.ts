import type { Ear, HeardWord } from '../../speech/speech.ts';
import { createAudioFeed } from '../deepgram/audio-feed.ts';
import { MIN_SPEECH_MS, bareWord, wordConfidence } from '../deepgram/words.ts';
import type { RecognitionOptions } from './recognition-config.ts';

/** What one stream hears. It depends on the audio alone; it has no clock. */
export type Recognition = {
  audio(bytes: Uint8Array): void;
  /** No more audio: the rest is said. */
  end(): void;
};

/** Interims come at most this often. */
const INTERIM_STEP_MS = 100;

/** Segments with interims, closed after `finalMs` of silence, and by the end of the stream. */
export function createRecognition(options: {
  readonly config: RecognitionOptions;
  readonly interimResults: boolean;
  readonly ear: Ear;
  /** Read anew for every step, so it may be changed. */
  readonly timing: { readonly finalMs: number };
  /** A `StreamingRecognizeResponse`. */
  readonly send: (response: object) => void;
}): Recognition {
  const { config, ear, timing } = options;
  const feed = createAudioFeed(config.format);
  /** Heard since the last final. */
  let words: HeardWord[] = [];
  let finals = 0;
  let interimAtMs = 0;
  let interimWords = 0;
  let finalAtMs = 0;

  const write = (some: readonly HeardWord[]): string =>
    some.map((word) => (config.punctuated ? word.text : bareWord(word.text))).join(' ');

  /** What is likely to change stands in a result of its own, with little stability. */
  const sendInterim = (nowMs: number): void => {
    interimAtMs = nowMs;
    interimWords = words.length;
    const stable = words.slice(0, -1);
    const tail = words.slice(-1);
    const result = (transcript: string, stability: number, untilMs: number): object => ({
      alternatives: [{ transcript }],
      isFinal: false,
      stability,
      resultEndTime: duration(untilMs),
      languageCode: config.languageCode.toLowerCase(),
    });
    const first = finals > 0 ? ' ' : '';
    options.send({
      results:
        stable.length === 0
          ? [result(first + write(tail), 0.01, nowMs)]
          : [
              result(first + write(stable), 0.9, stable.at(-1)?.endMs ?? nowMs),
              result(` ${write(tail)}`, 0.01, nowMs),
            ],
    });
  };

  const sendFinal = (nowMs: number): void => {
    const confidence = 0.95;
    options.send({
      results: [
        {
          alternatives: [
            {
              // Segments add up to the whole text, so all but the first begin with a space.
              transcript: (finals > 0 ? ' ' : '') + write(words),
              confidence,
              words: config.wordTimes
                ? words.map((word) => ({
                    startTime: duration(word.startMs),
                    endTime: duration(word.endMs),
                    word: config.punctuated ? word.text : bareWord(word.text),
                    confidence: wordConfidence(word.text),
                  }))
                : [],
            },
          ],
          isFinal: true,
          resultEndTime: duration(Math.min(nowMs, (words.at(-1)?.endMs ?? nowMs) + 10)),
          languageCode: config.languageCode.toLowerCase(),
        },
      ],
    });
    finals += 1;
    words = [];
    interimWords = 0;
    interimAtMs = nowMs;
    finalAtMs = nowMs;
  };

  const step = (audio: Uint8Array): void => {
    words.push(...ear.write(audio));
    if (words.length === 0) return;
    const nowMs = ear.writtenMs;
    const soundUntilMs = ear.soundUntilMs ?? 0;
    const isSound = soundUntilMs - (ear.soundSinceMs ?? 0) >= MIN_SPEECH_MS;
    const silentSinceMs = Math.max(
      isSound && soundUntilMs > finalAtMs ? soundUntilMs : 0,
      words.at(-1)?.endMs ?? 0,
    );
    if (nowMs - silentSinceMs >= timing.finalMs) sendFinal(nowMs);
    else if (
      options.interimResults &&
      words.length !== interimWords &&
      nowMs - interimAtMs >= INTERIM_STEP_MS
    )
      sendInterim(nowMs);
  };

  return {
    audio(bytes) {
      for (const audio of feed.push(bytes)) step(audio);
    },
    end() {
      for (const audio of feed.rest()) step(audio);
      words.push(...ear.end());
      if (words.length > 0) sendFinal(ear.writtenMs);
      options.send({ totalBilledTime: duration(Math.ceil(ear.writtenMs / 1_000) * 1_000) });
    },
  };
}

/** A `google.protobuf.Duration`, to 10 ms, which is as fine as the service tells times. */
export function duration(ms: number): { readonly seconds: number; readonly nanos: number } {
  const steps = Math.round(ms / 10);
  return { seconds: Math.floor(steps / 100), nanos: (steps % 100) * 10_000_000 };
}
