import type { VendorSpec } from '#contracts/vendor-spec.ts';
import { cartesiaTextToSpeech } from './text-to-speech.ts';

export const cartesia: VendorSpec = {
  name: 'cartesia',
  credential: 'cartesia_api_key',
  defaultUrl: 'https://api.cartesia.ai',
  textToSpeech: {
    open: cartesiaTextToSpeech,
    // "Katie": one of the voices that Cartesia names as steady enough for agents.
    defaultVoice: 'f786b574-daa5-4673-aa0c-cbe3e8534c02',
  },
};
