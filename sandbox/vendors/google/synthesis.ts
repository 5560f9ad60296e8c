import type { Cancel, Clock } from '#lib/clock.ts';
import { textOf } from '#lib/record.ts';
import { bytesOf, clipAudio } from '../../speech/clip-audio.ts';
import type { SpeechClip, VoiceBank } from '../../speech/speech.ts';
import { isObject } from '../json.ts';
import { isSpeakable, splitAll } from '../segments.ts';
import type { GrpcCall, GrpcListener } from './grpc.ts';
import { textToSpeechCodec } from './protos.ts';
import { decoded, unary } from './speech-service.ts';
import type { StreamAnswer } from './speech-service.ts';
import { OK, invalidArgument } from './status.ts';
import type { Status } from './status.ts';
import { readSynthesisConfig } from './synthesis-config.ts';
import type { SynthesisOptions } from './synthesis-config.ts';
import { googleVoices } from './voices.ts';

/** Read anew for every piece of speech, so they may be changed. */
export type SynthesisTiming = {
  /** From a whole sentence to its first audio. */
  readonly firstSpeechMs: number;
  /** How many times faster than it is spoken the audio is sent. */
  readonly realTimeFactor: number;
  /** Length of one message of audio, in its own time. */
  readonly chunkMs: number;
};

export type SynthesisServiceOptions = {
  readonly bank: VoiceBank;
  readonly clock: Clock;
  readonly timing: SynthesisTiming;
  /** A fault of the sandbox's own. */
  readonly crashed: (error: unknown) => Status;
};

const V1 = 'google.cloud.texttospeech.v1';
const streamingRequest = textToSpeechCodec(`${V1}.StreamingSynthesizeRequest`);
const streamingResponse = textToSpeechCodec(`${V1}.StreamingSynthesizeResponse`);
const listVoicesRequest = textToSpeechCodec(`${V1}.ListVoicesRequest`);
const listVoicesResponse = textToSpeechCodec(`${V1}.ListVoicesResponse`);

const MAX_QUIET_MS = 5_000;
const MAX_INPUT_BYTES = 5_000;

/**
 * `TextToSpeech.StreamingSynthesize`. A sentence is spoken once it is whole, the rest of the text at the
 * end of the stream.
 */
export function streamingSynthesize(
  answer: StreamAnswer,
  options: SynthesisServiceOptions,
): GrpcListener {
  const { bank, clock, timing } = options;
  const stop = new AbortController();
  const jobs: { readonly clip: Promise<SpeechClip>; readonly dueAtMs: number }[] = [];
  let config: SynthesisOptions | undefined;
  let buffer = '';
  let finishing = false;
  let working = false;
  let cancelQuiet: Cancel = () => undefined;

  const end = (status: Status): void => {
    cancelQuiet();
    stop.abort();
    answer.end(status);
  };
  const watchQuiet = (): void => {
    cancelQuiet();
    cancelQuiet = clock.after(MAX_QUIET_MS, () =>
      end({
        code: 'ABORTED',
        message:
          'Stream aborted due to long duration elapsed without input sent. Input must be sent continuously, at least every 5s seconds.',
      }),
    );
  };
  watchQuiet();

  const speak = (voice: string, texts: readonly string[]): void => {
    const dueAtMs = clock.now() + timing.firstSpeechMs;
    for (const text of texts) {
      if (!isSpeakable(text)) continue;
      const clip = bank.speak(text.trim(), voice);
      // Its turn may never come; when it does, the failure is met there.
      clip.catch(() => undefined);
      jobs.push({ clip, dueAtMs });
    }
    work().catch((error: unknown) => {
      if (!stop.signal.aborted) end(options.crashed(error));
    });
  };
  const work = async (): Promise<void> => {
    if (working) return;
    working = true;
    for (let job = jobs.shift(); job; job = jobs.shift()) {
      const clip = await job.clip;
      await clock.sleep(Math.max(0, job.dueAtMs - clock.now()), stop.signal);
      await deliver(clip);
    }
    working = false;
    if (finishing) end(OK);
  };
  const deliver = async (clip: SpeechClip): Promise<void> => {
    if (!config) return;
    const audio = clipAudio(clip, config.format);
    const chunkBytes = bytesOf(timing.chunkMs, config.format);
    const startedAtMs = clock.now();
    for (let from = 0; from < audio.length; from += chunkBytes) {
      const aheadMs = from / bytesOf(1, config.format) / timing.realTimeFactor;
      const leftMs = startedAtMs + aheadMs - clock.now();
      if (leftMs > 0) await clock.sleep(leftMs, stop.signal);
      stop.signal.throwIfAborted();
      answer.send(
        streamingResponse.encode({ audioContent: audio.subarray(from, from + chunkBytes) }),
      );
    }
  };

  const input = (voice: string, value: unknown): void => {
    const text = isObject(value) && value['inputSource'] === 'text' ? value['text'] : undefined;
    if (typeof text !== 'string')
      return end(invalidArgument('The sandbox speaks plain text only.'));
    if (Buffer.byteLength(text) > MAX_INPUT_BYTES)
      return end(
        invalidArgument(
          'Either `input.text` or `input.ssml` is longer than the limit of 5000 bytes.',
        ),
      );
    watchQuiet();
    buffer += text;
    const pieces = splitAll(buffer);
    const last = pieces.at(-1) ?? '';
    const isWhole = /[.!?…]["')\]]*\s*$/.test(last);
    buffer = isWhole ? '' : last;
    speak(voice, isWhole ? pieces : pieces.slice(0, -1));
  };

  return {
    message(bytes) {
      const request = decoded(() => streamingRequest.decode(bytes));
      if (!request) return end(invalidArgument('The request could not be parsed.'));
      const kind = request['streamingRequest'];
      if (!config) {
        if (kind !== 'streamingConfig')
          return end(invalidArgument('The first message must contain the streaming config.'));
        const read = readSynthesisConfig(request['streamingConfig']);
        if ('code' in read) return end(read);
        config = read;
        return;
      }
      if (kind !== 'input')
        return end(invalidArgument('All messages but the first must contain input.'));
      input(config.voice.bankVoice, request['input']);
    },
    halfClosed() {
      if (!config) return end(invalidArgument('The stream ended without a streaming config.'));
      cancelQuiet();
      finishing = true;
      const rest = buffer;
      buffer = '';
      speak(config.voice.bankVoice, splitAll(rest));
    },
    gone() {
      cancelQuiet();
      stop.abort();
    },
  };
}

/** `TextToSpeech.ListVoices`. */
export function listVoices(call: GrpcCall): GrpcListener {
  return unary(call, (bytes) => {
    const request = decoded(() => listVoicesRequest.decode(bytes));
    if (!request) return invalidArgument('The request could not be parsed.');
    const wanted = textOf(request['languageCode']).toLowerCase();
    return listVoicesResponse.encode({
      voices: googleVoices
        .filter(({ languageCode }) => languageCode.toLowerCase().startsWith(wanted))
        .map(({ name, languageCode, gender }) => ({
          name,
          languageCodes: [languageCode],
          ssmlGender: gender,
          naturalSampleRateHertz: 24_000,
        })),
    });
  });
}
