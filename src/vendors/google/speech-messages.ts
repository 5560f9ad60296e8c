import type { AudioFormat } from '#audio/format.ts';
import type { protos } from '@google-cloud/speech';
import { isRecord, listOf, textOf } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { loadMessages } from './grpc.ts';
import type { Codec } from './grpc.ts';

type StreamingRequest = protos.google.cloud.speech.v1.IStreamingRecognizeRequest;
type WholeRequest = protos.google.cloud.speech.v1.IRecognizeRequest;

export const STREAMING_RECOGNIZE = '/google.cloud.speech.v1.Speech/StreamingRecognize';
export const RECOGNIZE = '/google.cloud.speech.v1.Speech/Recognize';

/** What is written to the service, as bytes, and what it says. */
export type SpeechMessages = {
  configuration(config: RecognitionConfig): Uint8Array;
  audio(audio: Uint8Array): Uint8Array;
  /** A whole request of `Recognize`. */
  recognition(config: RecognitionConfig, audio: Uint8Array): Uint8Array;
  /** Undefined: no message of this protocol. */
  read(bytes: Uint8Array): SpeechMessage | undefined;
};

export type RecognitionConfig = {
  readonly model: string;
  /** As the recogniser names it. */
  readonly locale: string;
  readonly keyterms: readonly string[];
  readonly format: AudioFormat;
};

/** What one answer says of the current segment. `untilMs` counts from the first audio of the stream. */
export type SpeechMessage =
  | { readonly type: 'interim'; readonly text: string }
  | { readonly type: 'final'; readonly text: string; readonly untilMs: number | undefined }
  /** Nothing for us: what was billed, or what does not exist yet. */
  | { readonly type: 'other' }
  | { readonly type: 'error'; readonly message: string };

/** Limits of the service for phrases it is told to expect. */
const MAX_PHRASES = 500;
const MAX_PHRASE_CHARS = 100;

export async function loadSpeechMessages(): Promise<SpeechMessages> {
  const codec = await loadMessages('@google-cloud/speech');
  const v1 = 'google.cloud.speech.v1';
  const request: Codec<StreamingRequest> = codec(`${v1}.StreamingRecognizeRequest`);
  const response = codec(`${v1}.StreamingRecognizeResponse`);
  const whole: Codec<WholeRequest> = codec(`${v1}.RecognizeRequest`);
  return {
    configuration: (config) =>
      request.encode({
        streamingConfig: { config: configMessage(config), interimResults: true },
      }),
    audio: (audio) => request.encode({ audioContent: audio }),
    recognition: (config, audio) =>
      whole.encode({ config: configMessage(config), audio: { content: audio } }),
    read(bytes) {
      const message = response.decode(bytes);
      return message && readResponse(message);
    },
  };
}

const configMessage = ({
  model,
  locale,
  keyterms,
  format,
}: RecognitionConfig): protos.google.cloud.speech.v1.IRecognitionConfig => ({
  encoding: format.encoding === 'mulaw' ? 'MULAW' : 'LINEAR16',
  sampleRateHertz: format.sampleRateHz,
  languageCode: locale,
  model,
  enableAutomaticPunctuation: true,
  speechContexts:
    keyterms.length === 0
      ? []
      : [
          {
            phrases: keyterms.slice(0, MAX_PHRASES).map((term) => term.slice(0, MAX_PHRASE_CHARS)),
          },
        ],
});

/**
 * An interim comes in parts, one for what is likely to stay and one for what is not, that are joined as
 * they are. A final stands alone; from the second on it begins with a space.
 */
function readResponse(message: JsonRecord): SpeechMessage {
  if (isRecord(message['error']))
    return { type: 'error', message: textOf(message['error']['message']) };
  const results = listOf(message['results']).filter((result) => isRecord(result));
  const final = results.filter((result) => result['isFinal'] === true);
  const text = (final.length > 0 ? final : results)
    .map((result) => transcriptOf(result))
    .join('')
    .trim();
  if (final.length > 0)
    return { type: 'final', text, untilMs: durationMs(final.at(-1)?.['resultEndTime']) };
  return results.length > 0 ? { type: 'interim', text } : { type: 'other' };
}

function transcriptOf(result: JsonRecord): string {
  const best = listOf(result['alternatives'])[0];
  return isRecord(best) ? textOf(best['transcript']) : '';
}

/** A `google.protobuf.Duration`; fields that are zero are not sent. */
function durationMs(duration: unknown): number | undefined {
  if (!isRecord(duration)) return undefined;
  const { seconds = 0, nanos = 0 } = duration;
  if (typeof seconds !== 'number' || typeof nanos !== 'number') return undefined;
  return seconds * 1_000 + nanos / 1_000_000;
}
