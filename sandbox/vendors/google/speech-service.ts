import type { Cancel, Clock } from '#lib/clock.ts';
import type { OpenEar } from '../../speech/speech.ts';
import { isObject } from '../json.ts';
import { speechCodec } from './protos.ts';
import { createRecognition } from './recognition.ts';
import type { Recognition } from './recognition.ts';
import { readRecognitionConfig } from './recognition-config.ts';
import { INTERNAL, OK, invalidArgument } from './status.ts';
import type { Status } from './status.ts';
import type { GrpcCall, GrpcListener } from './grpc.ts';

export type SpeechServiceOptions = {
  readonly openEar: OpenEar;
  readonly clock: Clock;
  readonly timing: { readonly finalMs: number };
};

const V1 = 'google.cloud.speech.v1';
const streamingRequest = speechCodec(`${V1}.StreamingRecognizeRequest`);
const streamingResponse = speechCodec(`${V1}.StreamingRecognizeResponse`);
const recognizeRequest = speechCodec(`${V1}.RecognizeRequest`);
const recognizeResponse = speechCodec(`${V1}.RecognizeResponse`);

const MAX_STREAM_MS = 305_000;
const MAX_SILENCE_MS = 10_000;
const MAX_AUDIO_BYTES = 25_600;

const MALORDERED = invalidArgument(
  'Malordered Data Received. Expected audio_content none was set. Send exactly one config, followed by audio data.',
);

/** Where the messages of a stream go, and its status behind them; they may suffer a fault on the way. */
export type StreamAnswer = {
  send(message: Buffer): void;
  end(status: Status): void;
};

/** `Speech.StreamingRecognize`. */
export function streamingRecognize(
  answer: StreamAnswer,
  options: SpeechServiceOptions,
): GrpcListener {
  const { clock } = options;
  let recognition: Recognition | undefined;
  let cancelIdle: Cancel = () => undefined;
  const cancelLimit = clock.after(MAX_STREAM_MS, () =>
    end({
      code: 'OUT_OF_RANGE',
      message: `Exceeded maximum allowed stream duration of ${MAX_STREAM_MS / 1_000} seconds.`,
    }),
  );
  const stopTimers = (): void => {
    cancelIdle();
    cancelLimit();
  };
  const end = (status: Status): void => {
    stopTimers();
    answer.end(status);
  };
  const watchIdle = (): void => {
    cancelIdle();
    cancelIdle = clock.after(MAX_SILENCE_MS, () =>
      end({
        code: 'OUT_OF_RANGE',
        message:
          'Audio Timeout Error: Long duration elapsed without audio. Audio should be sent close to real time.',
      }),
    );
  };
  watchIdle();

  const start = (config: unknown): void => {
    if (!isObject(config)) return end(MALORDERED);
    const read = readRecognitionConfig(config['config']);
    if ('code' in read) return end(read);
    if (config['singleUtterance'] === true || config['enableVoiceActivityEvents'] === true)
      return end(
        invalidArgument('The sandbox plays neither single utterances nor voice activity.'),
      );
    recognition = createRecognition({
      config: read,
      interimResults: config['interimResults'] === true,
      ear: options.openEar(read.format),
      timing: options.timing,
      send: (response) => answer.send(streamingResponse.encode(response)),
    });
  };

  return {
    message(bytes) {
      const request = decoded(() => streamingRequest.decode(bytes));
      if (!request) return end(invalidArgument('The request could not be parsed.'));
      const isConfig = request['streamingRequest'] === 'streamingConfig';
      if (!recognition) return isConfig ? start(request['streamingConfig']) : end(MALORDERED);
      const audio = request['audioContent'];
      if (isConfig || !Buffer.isBuffer(audio)) return end(MALORDERED);
      if (audio.length > MAX_AUDIO_BYTES)
        return end(
          invalidArgument(`Audio chunk can be of a a maximum of ${MAX_AUDIO_BYTES} bytes.`),
        );
      watchIdle();
      recognition.audio(audio);
    },
    halfClosed() {
      if (!recognition) return end(MALORDERED);
      recognition.end();
      end(OK);
    },
    gone: stopTimers,
  };
}

/** `Speech.Recognize`: all of the audio in one request, all of the words in one answer. */
export function recognize(call: GrpcCall, options: SpeechServiceOptions): GrpcListener {
  return unary(call, (bytes) => {
    const request = decoded(() => recognizeRequest.decode(bytes));
    if (!request) return invalidArgument('The request could not be parsed.');
    const read = readRecognitionConfig(request['config']);
    if ('code' in read) return read;
    const content = isObject(request['audio']) ? request['audio']['content'] : undefined;
    if (!Buffer.isBuffer(content)) return invalidArgument('RecognitionAudio not set.');
    const results: unknown[] = [];
    const recognition = createRecognition({
      config: read,
      interimResults: false,
      ear: options.openEar(read.format),
      timing: options.timing,
      send: (response) => {
        if ('results' in response && Array.isArray(response.results))
          results.push(...(response.results as unknown[]));
      },
    });
    recognition.audio(content);
    recognition.end();
    return recognizeResponse.encode({ results });
  });
}

/** A method with one request and one answer. */
export function unary(call: GrpcCall, answer: (request: Buffer) => Buffer | Status): GrpcListener {
  let answered = false;
  return {
    message(bytes) {
      answered = true;
      const result = answer(bytes);
      if (!Buffer.isBuffer(result)) return call.end(result);
      call.send(result);
      call.end(OK);
    },
    halfClosed() {
      if (!answered) call.end(INTERNAL);
    },
    gone: () => undefined,
  };
}

/** Undefined for bytes that are no such message. */
export function decoded<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}
