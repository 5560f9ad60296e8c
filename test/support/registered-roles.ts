import type { Role } from '#contracts/vendor.ts';
import { vendors } from '#vendors/index.ts';

/** Which role each vendor of the product fills, in the registry's order. */
export const registeredRoles = (): readonly { readonly vendor: string; readonly role: Role }[] =>
  vendors.flatMap(({ name, speechToText, languageModel, textToSpeech }) => [
    ...(speechToText ? [{ vendor: name, role: 'speech-to-text' } as const] : []),
    ...(languageModel ? [{ vendor: name, role: 'language-model' } as const] : []),
    ...(textToSpeech ? [{ vendor: name, role: 'text-to-speech' } as const] : []),
  ]);
