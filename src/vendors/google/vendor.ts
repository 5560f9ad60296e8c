import type { VendorSpec } from '#contracts/vendor-spec.ts';
import { GOOGLE_URL } from './hosts.ts';
import { googleLanguageModel } from './language-model.ts';

export const google: VendorSpec = {
  name: 'google',
  credential: 'google_api_key',
  defaultUrl: GOOGLE_URL,
  languageModel: googleLanguageModel,
};
