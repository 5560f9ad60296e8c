import type { SecretField } from '#protocol/voice-channel.ts';
import type { LanguageModel } from './language-model.ts';
import type { SpeechToText } from './speech-to-text.ts';
import type { TextToSpeech } from './text-to-speech.ts';
import type { VendorOptions } from './vendor.ts';

/** What one role of a vendor is opened with. */
export type RoleOptions = VendorOptions & {
  /** A model by the vendor's own name; the vendor's default for `language` when absent. */
  readonly model?: string | undefined;
  /** BCP 47, the language of the call; it only picks the default model. English when absent. */
  readonly language?: string | undefined;
};

/** Everything the product knows of a vendor. It fills one role or several, all with one key. */
export type VendorSpec = {
  /** As it stands in voice settings, journals and failures: lower case, one word. */
  readonly name: string;
  /** The field of the voice channel that holds its key. */
  readonly credential: SecretField;
  /** The real service: origin, and path prefix where the vendor has one, without a trailing slash. */
  readonly defaultUrl: string;
  readonly speechToText?: (options: RoleOptions) => SpeechToText;
  readonly languageModel?: (options: RoleOptions) => LanguageModel;
  /** `defaultVoice` speaks where the owner named none. */
  readonly textToSpeech?: {
    readonly open: (options: RoleOptions) => TextToSpeech;
    readonly defaultVoice: string;
  };
};
