import type { VendorSpec } from '#contracts/vendor-spec.ts';
import { anthropicLanguageModel } from './language-model.ts';

export const anthropic: VendorSpec = {
  name: 'anthropic',
  credential: 'anthropic_api_key',
  defaultUrl: 'https://api.anthropic.com',
  languageModel: anthropicLanguageModel,
};
