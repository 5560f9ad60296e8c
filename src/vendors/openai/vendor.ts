import type { VendorSpec } from '#contracts/vendor-spec.ts';
import { openaiLanguageModel } from './language-model.ts';
import { openaiSpeechToText } from './speech-to-text.ts';

export const openai: VendorSpec = {
  name: 'openai',
  credential: 'openai_api_key',
  defaultUrl: 'https://api.openai.com/v1',
  speechToText: openaiSpeechToText,
  languageModel: openaiLanguageModel,
};
