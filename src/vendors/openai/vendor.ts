import type { VendorSpec } from '#contracts/vendor-spec.ts';
import { openaiLanguageModel } from './language-model.ts';
import { openaiSpeechToText } from './speech-to-text.ts';
import { openaiTextToSpeech } from './text-to-speech.ts';

export const openai: VendorSpec = {
  name: 'openai',
  credential: 'openai_api_key',
  defaultUrl: 'https://api.openai.com/v1',
  speechToText: openaiSpeechToText,
  languageModel: openaiLanguageModel,
  // One of the two voices that the service recommends; it speaks by either way.
  textToSpeech: { open: openaiTextToSpeech, defaultVoice: 'marin' },
};
