import type { voices } from '../../speech/speech.ts';

export type ElevenLabsVoice = {
  readonly id: string;
  readonly name: string;
  /** Who speaks for it in the sandbox. */
  readonly bankVoice: (typeof voices)[number];
};

/** Default voices of every account, by their real ids; four people of the sandbox speak for them. */
export const elevenLabsVoices: readonly ElevenLabsVoice[] = [
  { id: 'EXAVITQu4vr4xnSDxMaL', name: 'Sarah', bankVoice: 'slt' },
  { id: '21m00Tcm4TlvDq8ikWAM', name: 'Rachel', bankVoice: 'slt' },
  { id: 'Xb7hH8MSUJpSbSDYk0k2', name: 'Alice', bankVoice: 'slt' },
  { id: 'JBFqnCBsd6RMkjVDRZzb', name: 'George', bankVoice: 'rms' },
  { id: 'nPczCjzI2devNBz1zQrb', name: 'Brian', bankVoice: 'awb' },
  { id: 'pNInz6obpgDQGcFmaJgB', name: 'Adam', bankVoice: 'kal' },
];

export const findVoice = (id: string): ElevenLabsVoice | undefined =>
  elevenLabsVoices.find((one) => one.id === id);

export type ElevenLabsModel = {
  readonly id: string;
  readonly name: string;
  /** It speaks the language it is told by `language_code`; the others guess it and refuse to be told. */
  readonly takesLanguage: boolean;
  /** The streaming sockets of this API have it; newer models live behind another address. */
  readonly streamsInput: boolean;
};

/** The speech models the sandbox plays. */
export const elevenLabsModels: readonly ElevenLabsModel[] = [
  { id: 'eleven_flash_v2_5', name: 'Flash v2.5', takesLanguage: true, streamsInput: true },
  { id: 'eleven_turbo_v2_5', name: 'Turbo v2.5', takesLanguage: true, streamsInput: true },
  { id: 'eleven_flash_v2', name: 'Flash v2', takesLanguage: false, streamsInput: true },
  { id: 'eleven_multilingual_v2', name: 'Multilingual', takesLanguage: false, streamsInput: true },
  { id: 'eleven_v3', name: 'Eleven v3', takesLanguage: true, streamsInput: false },
];

export const findModel = (id: string): ElevenLabsModel | undefined =>
  elevenLabsModels.find((one) => one.id === id);
