import type { VendorSpec } from '#contracts/vendor-spec.ts';
import { openaiLanguageModel } from './language-model.ts';

export const openai: VendorSpec = {
  name: 'openai',
  credential: 'openai_api_key',
  defaultUrl: 'https://api.openai.com/v1',
  languageModel: openaiLanguageModel,
};
