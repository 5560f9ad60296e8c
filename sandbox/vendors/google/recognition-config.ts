import { listOf, textOf } from '#lib/record.ts';
import type { EarFormat } from '../../speech/speech.ts';
import { isObject } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { invalidArgument } from './status.ts';
import type { Status } from './status.ts';

/** What a `RecognitionConfig` asks for, checked. */
export type RecognitionOptions = {
  readonly format: EarFormat;
  readonly languageCode: string;
  readonly punctuated: boolean;
  readonly wordTimes: boolean;
};

/** Models of the v1 API that hear English, and what else they hear, by primary language; undefined: anything. */
const MODELS: Readonly<Record<string, RegExp | undefined>> = {
  default: undefined,
  command_and_search: undefined,
  latest_long: undefined,
  latest_short: undefined,
  telephony: /^(?:de|en|es|fr|hi|it|ja|ko|nl|pt)-/i,
  telephony_short: /^(?:de|en|es|fr|hi|it|ja|ko|nl|pt)-/i,
  phone_call: /^(?:en-US|en-GB|es-US|fr-FR|pt-BR|ru-RU|ja-JP)$/i,
  video: /^en-US$/i,
};
const LANGUAGE_TAG = /^[a-z]{2,3}(?:-[A-Za-z]{4})?-(?:[A-Z]{2}|\d{3})$/i;
const MAX_PHRASES = 5_000;
const MAX_PHRASE_CHARS = 100;

/** Reads a `RecognitionConfig` as strictly as the service does; what the sandbox cannot play it refuses. */
export function readRecognitionConfig(config: unknown): RecognitionOptions | Status {
  if (!isObject(config)) return invalidArgument('Invalid recognition config: no config was set.');
  const format = formatOf(config);
  if ('code' in format) return format;
  const languageCode = textOf(config['languageCode']);
  if (!LANGUAGE_TAG.test(languageCode))
    return invalidArgument(`Invalid recognition 'config': bad language code: '${languageCode}'.`);
  const model = textOf(config['model']) || 'default';
  if (!(model in MODELS))
    return invalidArgument(`Invalid recognition 'config': Incorrect model specified: ${model}`);
  if (MODELS[model] && !MODELS[model].test(languageCode))
    return invalidArgument(
      `Invalid recognition 'config': The requested model is currently not supported for language : ${languageCode}.`,
    );
  const phrases = listOf(config['speechContexts']).flatMap((one) =>
    isObject(one) ? listOf(one['phrases']) : [],
  );
  if (phrases.length > MAX_PHRASES)
    return invalidArgument("Invalid 'speech_contexts': too many phrases.");
  if (phrases.some((phrase) => String(phrase).length > MAX_PHRASE_CHARS))
    return invalidArgument("Invalid 'speech_contexts': phrase too long.");
  if (Number(config['audioChannelCount'] ?? 0) > 1)
    return invalidArgument('Must use single channel (mono) audio.');
  if (isObject(config['diarizationConfig']) || isObject(config['adaptation']))
    return invalidArgument('The sandbox plays neither diarization nor adaptation.');
  return {
    format,
    languageCode,
    punctuated: config['enableAutomaticPunctuation'] === true,
    wordTimes: config['enableWordTimeOffsets'] === true,
  };
}

function formatOf(config: JsonObject): EarFormat | Status {
  const { encoding, sampleRateHertz } = config;
  const rate = Number(sampleRateHertz ?? 0);
  if (encoding === 'ENCODING_UNSPECIFIED')
    return invalidArgument("Invalid recognition 'config': bad encoding..");
  if (rate < 8_000 || rate > 48_000)
    return invalidArgument("Invalid recognition 'config': bad sample rate hertz.");
  if (encoding === 'MULAW' && rate === 8_000) return { encoding: 'mulaw', sampleRateHz: 8_000 };
  if (encoding === 'LINEAR16' && (rate === 8_000 || rate === 16_000 || rate === 24_000))
    return { encoding: 'linear16', sampleRateHz: rate };
  return invalidArgument(`The sandbox does not play ${String(encoding)} at ${rate} Hz.`);
}
