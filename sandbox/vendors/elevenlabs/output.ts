import type { EarFormat } from '../../speech/speech.ts';
import { unknownModel, unknownVoice, unsupported } from './errors.ts';
import type { ElevenLabsFailure } from './errors.ts';
import { findModel, findVoice } from './voices.ts';
import type { ElevenLabsModel, ElevenLabsVoice } from './voices.ts';

/** Who speaks, and in what form the sound comes. */
export type Output = {
  readonly voice: ElevenLabsVoice;
  readonly model: ElevenLabsModel;
  readonly format: EarFormat;
};

const FORMATS: Readonly<Record<string, EarFormat>> = {
  ulaw_8000: { encoding: 'mulaw', sampleRateHz: 8_000 },
  pcm_8000: { encoding: 'linear16', sampleRateHz: 8_000 },
  pcm_16000: { encoding: 'linear16', sampleRateHz: 16_000 },
  pcm_24000: { encoding: 'linear16', sampleRateHz: 24_000 },
};
const UNPLAYED_FORMATS = /^(?:alaw_8000|pcm_(?:22050|44100|48000)|(?:mp3|opus)_\d+_\d+)$/;

/** Checks who shall speak and how; models that do not stream their input are refused where `streamsInput`. */
export function readOutput(asked: {
  readonly voiceId: string;
  readonly modelId: string;
  readonly outputFormat: string;
  readonly languageCode: string | undefined;
  readonly streamsInput: boolean;
}): Output | ElevenLabsFailure {
  const { modelId, languageCode } = asked;
  const voice = findVoice(asked.voiceId);
  if (!voice) return unknownVoice(asked.voiceId);
  const model = findModel(modelId);
  if (!model) return unknownModel(modelId);
  if (asked.streamsInput && !model.streamsInput)
    return unsupported(
      'unsupported_model',
      `Model ${modelId} is not available on this socket; it speaks on the text-to-dialogue socket.`,
    );
  if (languageCode !== undefined && !model.takesLanguage)
    return unsupported(
      'unsupported_language',
      `Model '${modelId}' does not support the language_code '${languageCode}'.`,
    );
  if (languageCode !== undefined && !/^[a-z]{2}$/.test(languageCode))
    return unsupported('unsupported_language', `Unsupported language_code '${languageCode}'.`);
  const format = FORMATS[asked.outputFormat];
  if (!format)
    return unsupported(
      'invalid_output_format',
      UNPLAYED_FORMATS.test(asked.outputFormat)
        ? `The sandbox does not play ${asked.outputFormat}.`
        : `Invalid output format '${asked.outputFormat}'.`,
    );
  return { voice, model, format };
}
