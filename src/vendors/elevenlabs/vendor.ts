import type { VendorSpec } from '#contracts/vendor-spec.ts';
import { DEFAULT_VOICE, elevenlabsTextToSpeech } from './text-to-speech.ts';

export const elevenlabs: VendorSpec = {
  name: 'elevenlabs',
  credential: 'elevenlabs_api_key',
  defaultUrl: 'https://api.elevenlabs.io',
  textToSpeech: { open: elevenlabsTextToSpeech, defaultVoice: DEFAULT_VOICE },
};
