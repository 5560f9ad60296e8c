import type { VendorSpec } from '#contracts/vendor-spec.ts';
import { deepgramSpeechToText } from './speech-to-text.ts';

export const deepgram: VendorSpec = {
  name: 'deepgram',
  credential: 'deepgram_api_key',
  defaultUrl: 'https://api.deepgram.com',
  speechToText: deepgramSpeechToText,
};
