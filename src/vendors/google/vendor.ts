import type { VendorSpec } from '#contracts/vendor-spec.ts';
import { GOOGLE_URL } from './hosts.ts';
import { googleLanguageModel } from './language-model.ts';
import { googleSpeechToText } from './speech-to-text.ts';
import { googleTextToSpeech } from './text-to-speech.ts';

export const google: VendorSpec = {
  name: 'google',
  credential: 'google_api_key',
  defaultUrl: GOOGLE_URL,
  speechToText: googleSpeechToText,
  languageModel: googleLanguageModel,
  // A voice of Chirp 3: HD by its name alone, so that it speaks the language of the call.
  textToSpeech: { open: googleTextToSpeech, defaultVoice: 'Kore' },
};
