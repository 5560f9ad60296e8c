import type { Ear, EarFormat, HeardWord } from '../../speech/speech.ts';
import { parseObject } from '../json.ts';
import { createAudioFeed } from './audio-feed.ts';
import type { NovaOptions } from './query.ts';
import { MIN_SPEECH_MS, bareWord, joinWords, seconds, wordConfidence } from './words.ts';

/** One `/v1/listen` stream. What it says depends on the audio alone; it has no clock. */
export type ListenStream = {
  audio(bytes: Uint8Array): void;
  /** A text message, as it came. */
  text(message: string): void;
};

export type ListenOutput = {
  send(message: object): void;
  /** Without a code: a close frame that carries none. */
  close(code?: number, reason?: string): void;
};

export type NovaTiming = {
  /** What recognition adds to the silence that the client asked for with `endpointing`. */
  readonly finalDelayMs: number;
};

/** Interims come at most this often. */
const INTERIM_STEP_MS = 100;
/** A segment is closed at the latest after this much audio, at the next whole word. */
const MAX_SEGMENT_MS = 5_000;
/** Less audio than this since the last final is not worth an answer to Finalize. */
const MIN_FINALIZE_MS = 100;
const MODEL_UUID = '40bd3654-e622-47c4-a111-63a61b23bfe8';

/** Nova over the streaming protocol: interims, segments, endpoints, utterance ends. */
export function createNovaStream(options: {
  readonly query: NovaOptions;
  readonly format: EarFormat;
  readonly ear: Ear;
  readonly requestId: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly timing: NovaTiming;
  readonly output: ListenOutput;
}): ListenStream {
  const { query, ear, requestId, timing, output } = options;
  const feed = createAudioFeed(options.format);
  const modelInfo = {
    name: query.model.replace(
      /^(nova-\d|nova)(?:-(.+))?$/,
      (_, arch: string, use?: string) => `${use ?? 'general'}-${arch}`,
    ),
    version: '2025-04-17.21547',
    arch: query.model.startsWith('nova-3')
      ? 'nova-3'
      : (query.model.match(/^nova-2|^[a-z]+/)?.[0] ?? query.model),
  };

  /** Heard since the last final. */
  let words: HeardWord[] = [];
  let segmentStartMs = 0;
  let interimAtMs = 0;
  let interimWords = 0;
  /** Speech has been going on since the last endpoint. */
  let speaking = false;
  let endpointAtMs = 0;
  let lastWordEndMs: number | undefined;
  let utteranceOpen = false;
  let over = false;

  const results = (final: boolean, speechFinal: boolean, fromFinalize = false): void => {
    const nowMs = ear.writtenMs;
    const transcript = query.formatted
      ? joinWords(words)
      : words.map((word) => bareWord(word.text)).join(' ');
    output.send({
      type: 'Results',
      channel_index: [0, 1],
      duration: seconds(nowMs - segmentStartMs),
      start: seconds(segmentStartMs),
      is_final: final,
      speech_final: speechFinal,
      channel: {
        alternatives: [
          {
            transcript,
            confidence: words.length > 0 ? 0.98 : 0,
            words: words.map((word) => ({
              word: bareWord(word.text),
              start: seconds(word.startMs),
              end: seconds(word.endMs),
              confidence: wordConfidence(word.text),
              ...(query.formatted ? { punctuated_word: word.text } : {}),
            })),
          },
        ],
      },
      metadata: { request_id: requestId, model_info: modelInfo, model_uuid: MODEL_UUID },
      ...(final ? { from_finalize: fromFinalize } : {}),
    });
    interimAtMs = nowMs;
    if (!final) {
      interimWords = words.length;
      return;
    }
    interimWords = 0;
    words = [];
    segmentStartMs = nowMs;
    if (speechFinal) {
      speaking = false;
      endpointAtMs = nowMs;
    }
  };

  const step = (audio: Uint8Array): void => {
    const heard = ear.write(audio);
    const nowMs = ear.writtenMs;
    words.push(...heard);
    if (heard.length > 0) {
      lastWordEndMs = heard.at(-1)?.endMs;
      utteranceOpen = true;
    }
    const soundSinceMs = ear.soundSinceMs ?? 0;
    const soundUntilMs = ear.soundUntilMs ?? 0;
    const sounding = soundUntilMs > endpointAtMs && soundUntilMs - soundSinceMs >= MIN_SPEECH_MS;
    if (!speaking && (sounding || heard.length > 0)) {
      speaking = true;
      if (query.vadEvents)
        output.send({ type: 'SpeechStarted', channel: [0], timestamp: seconds(soundSinceMs) });
    }
    const silenceMs = nowMs - Math.max(soundUntilMs, lastWordEndMs ?? 0);
    if (
      speaking &&
      query.endpointingMs !== undefined &&
      silenceMs >= query.endpointingMs + timing.finalDelayMs
    )
      results(true, true);
    else if (nowMs - segmentStartMs >= MAX_SEGMENT_MS && (heard.length > 0 || !speaking))
      results(true, false);
    else if (
      query.interimResults &&
      nowMs - interimAtMs >= INTERIM_STEP_MS &&
      (words.length !== interimWords || (speaking && nowMs - interimAtMs >= 1_000))
    )
      results(false, false);
    endUtterance(nowMs);
  };

  const endUtterance = (nowMs: number): void => {
    if (query.utteranceEndMs === undefined || !utteranceOpen || lastWordEndMs === undefined) return;
    if (nowMs - lastWordEndMs < query.utteranceEndMs) return;
    utteranceOpen = false;
    // Only finalised words end an utterance; with endpointing off nothing has finalised these yet.
    if (words.length > 0) results(true, false);
    output.send({ type: 'UtteranceEnd', channel: [0, 1], last_word_end: seconds(lastWordEndMs) });
  };

  const finish = (): void => {
    over = true;
    for (const audio of feed.rest()) step(audio);
    words.push(...ear.end());
    if (ear.writtenMs > segmentStartMs) results(true, words.length > 0);
    output.send({
      type: 'Metadata',
      transaction_key: 'deprecated',
      request_id: requestId,
      sha256: feed.digest(),
      created: options.createdAt,
      duration: seconds(ear.writtenMs),
      channels: 1,
      models: [MODEL_UUID],
      model_info: { [MODEL_UUID]: modelInfo },
    });
    output.close(1000);
  };

  return {
    audio(bytes) {
      if (over) return;
      // The service takes an empty frame for the end of the stream.
      if (bytes.length === 0) return finish();
      for (const audio of feed.push(bytes)) step(audio);
    },
    text(message) {
      if (over) return;
      switch (parseObject(message)?.['type']) {
        case 'KeepAlive':
          return;
        case 'Finalize':
          if (words.length > 0 || ear.writtenMs - segmentStartMs >= MIN_FINALIZE_MS)
            results(true, true, true);
          return;
        case 'CloseStream':
          return finish();
        default:
          over = true;
          output.close(1008, 'DATA-0000');
      }
    },
  };
}
