import type { AudioFormat } from '#audio/format.ts';
import type { protos } from '@google-cloud/text-to-speech';
import { loadMessages } from './grpc.ts';
import type { Codec } from './grpc.ts';
import { voiceLocale } from './locale.ts';

type StreamingRequest = protos.google.cloud.texttospeech.v1.IStreamingSynthesizeRequest;
type ListRequest = protos.google.cloud.texttospeech.v1.IListVoicesRequest;
type Voice = protos.google.cloud.texttospeech.v1.IVoiceSelectionParams;

export const STREAMING_SYNTHESIZE =
  '/google.cloud.texttospeech.v1.TextToSpeech/StreamingSynthesize';
export const SYNTHESIZE = '/google.cloud.texttospeech.v1.TextToSpeech/SynthesizeSpeech';
export const LIST_VOICES = '/google.cloud.texttospeech.v1.TextToSpeech/ListVoices';

/** The family of voices that can be streamed; not a model that the service wants to be told. */
export const CHIRP = 'chirp-3-hd';

/** What is written to the service, as bytes, and what it says. */
export type SynthesisMessages = {
  configuration(voice: Voice, format: AudioFormat): Uint8Array;
  text(text: string): Uint8Array;
  /** A whole request of `ListVoices`. */
  voiceList(language: string): Uint8Array;
  /** Undefined: no message of this protocol. */
  audio(bytes: Uint8Array): Uint8Array | undefined;
};

export async function loadSynthesisMessages(): Promise<SynthesisMessages> {
  const codec = await loadMessages('@google-cloud/text-to-speech');
  const v1 = 'google.cloud.texttospeech.v1';
  const request: Codec<StreamingRequest> = codec(`${v1}.StreamingSynthesizeRequest`);
  const response = codec(`${v1}.StreamingSynthesizeResponse`);
  const list: Codec<ListRequest> = codec(`${v1}.ListVoicesRequest`);
  return {
    configuration: (voice, { encoding, sampleRateHz }) =>
      request.encode({
        streamingConfig: {
          voice,
          streamingAudioConfig: {
            audioEncoding: encoding === 'mulaw' ? 'MULAW' : 'PCM',
            sampleRateHertz: sampleRateHz,
          },
        },
      }),
    text: (text) => request.encode({ input: { text } }),
    voiceList: (language) => list.encode({ languageCode: voiceLocale(language) }),
    audio(bytes) {
      const message = response.decode(bytes);
      if (!message) return undefined;
      const audio = message['audioContent'];
      return audio instanceof Uint8Array ? audio : new Uint8Array(0);
    },
  };
}

/**
 * A voice by its full name, such as `de-DE-Chirp3-HD-Kore`, or by its last part alone, which then
 * speaks the language of the call.
 */
export function voiceOf(model: string, voice: string, language: string): Voice {
  const locale = /^([a-z]{2,3}-[A-Z]{2})-/.exec(voice)?.[1];
  if (locale !== undefined) return { languageCode: locale, name: voice };
  const languageCode = voiceLocale(language);
  return model === CHIRP
    ? { languageCode, name: `${languageCode}-Chirp3-HD-${voice}` }
    : { languageCode, name: voice, modelName: model };
}
