import type { EarFormat } from '../../speech/speech.ts';
import { isObject } from '../json.ts';
import { invalidArgument } from './status.ts';
import type { Status } from './status.ts';
import { findVoice } from './voices.ts';
import type { GoogleVoice } from './voices.ts';

/** What a `StreamingSynthesizeConfig` asks for, checked. */
export type SynthesisOptions = { readonly voice: GoogleVoice; readonly format: EarFormat };

/** Reads a `StreamingSynthesizeConfig` as strictly as the service does; what the sandbox cannot play it refuses. */
export function readSynthesisConfig(config: unknown): SynthesisOptions | Status {
  if (!isObject(config) || !isObject(config['voice']))
    return invalidArgument('Request must contain a voice.');
  const { languageCode, name, modelName } = config['voice'];
  if (typeof languageCode !== 'string' || languageCode === '')
    return invalidArgument('Request must contain a language code.');
  if (modelName !== '') return invalidArgument('The sandbox does not play voices of Gemini.');
  if (typeof name !== 'string' || name === '')
    return invalidArgument('Streaming synthesis requires the name of a voice.');
  const voice = findVoice(name);
  if (!voice) return invalidArgument(`Voice '${name}' does not exist. Is it misspelled?`);
  if (voice.languageCode.toLowerCase() !== languageCode.toLowerCase())
    return invalidArgument(
      `Requested language code '${languageCode}' doesn't match the voice '${name}''s language code '${voice.languageCode}'. Either specify a different voice, or change the requested language code to '${voice.languageCode}'.`,
    );
  if (!voice.isChirp)
    return invalidArgument(
      'Currently, only Chirp 3: HD voices are supported for streaming synthesis.',
    );
  const format = formatOf(config['streamingAudioConfig']);
  return 'code' in format ? format : { voice, format };
}

function formatOf(audio: unknown): EarFormat | Status {
  // Without a format it is headerless LINEAR16 of 24 kHz.
  if (!isObject(audio)) return { encoding: 'linear16', sampleRateHz: 24_000 };
  const { audioEncoding, sampleRateHertz, speakingRate } = audio;
  const rate = Number(sampleRateHertz || 24_000);
  if (Number(speakingRate || 1) !== 1)
    return invalidArgument('The sandbox speaks at the rate of 1 only.');
  if (audioEncoding === 'MULAW' && rate === 8_000)
    return { encoding: 'mulaw', sampleRateHz: 8_000 };
  if (audioEncoding === 'PCM' && (rate === 8_000 || rate === 16_000 || rate === 24_000))
    return { encoding: 'linear16', sampleRateHz: rate };
  if (['MULAW', 'PCM', 'ALAW', 'OGG_OPUS'].includes(String(audioEncoding)))
    return invalidArgument(`The sandbox does not speak ${String(audioEncoding)} at ${rate} Hz.`);
  return invalidArgument(
    'Unsupported audio encoding for streaming. Supported: PCM, ALAW, MULAW, OGG_OPUS.',
  );
}
