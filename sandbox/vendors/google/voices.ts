import type { voices } from '../../speech/speech.ts';

type BankVoice = (typeof voices)[number];

/** The voices of Chirp 3: HD, by their real names; five people of the sandbox speak for them. */
const CHIRP_VOICES: Readonly<Record<string, BankVoice>> = {
  Achernar: 'slt',
  Aoede: 'slt',
  Autonoe: 'slt',
  Callirrhoe: 'slt',
  Despina: 'slt',
  Erinome: 'slt',
  Gacrux: 'slt',
  Kore: 'slt',
  Laomedeia: 'slt',
  Leda: 'slt',
  Pulcherrima: 'slt',
  Sulafat: 'slt',
  Vindemiatrix: 'slt',
  Zephyr: 'slt',
  Achird: 'rms',
  Algenib: 'awb',
  Algieba: 'rms',
  Alnilam: 'awb',
  Charon: 'rms',
  Enceladus: 'kal',
  Fenrir: 'awb',
  Iapetus: 'kal',
  Orus: 'rms',
  Puck: 'awb',
  Rasalgethi: 'rms',
  Sadachbia: 'kal',
  Sadaltager: 'rms',
  Schedar: 'awb',
  Umbriel: 'rms',
  Zubenelgenubi: 'kal16',
};

/** Locales of Chirp 3: HD; the sandbox speaks English in all of them. */
const LOCALES =
  'en-US en-GB en-AU en-IN de-DE es-ES es-US fr-CA fr-FR hi-IN it-IT ja-JP ko-KR nl-NL pl-PL pt-BR cmn-CN ar-XA'.split(
    ' ',
  );

export type GoogleVoice = {
  readonly name: string;
  readonly languageCode: string;
  readonly gender: 'FEMALE' | 'MALE';
  /** Only these can be streamed. */
  readonly isChirp: boolean;
  readonly bankVoice: BankVoice;
};

export const googleVoices: readonly GoogleVoice[] = [
  ...LOCALES.flatMap((languageCode) =>
    Object.entries(CHIRP_VOICES).map(([star, bankVoice]): GoogleVoice => ({
      name: `${languageCode}-Chirp3-HD-${star}`,
      languageCode,
      gender: bankVoice === 'slt' ? 'FEMALE' : 'MALE',
      isChirp: true,
      bankVoice,
    })),
  ),
  {
    name: 'en-US-Neural2-A',
    languageCode: 'en-US',
    gender: 'MALE',
    isChirp: false,
    bankVoice: 'rms',
  },
];

export const findVoice = (name: string): GoogleVoice | undefined =>
  googleVoices.find((voice) => voice.name === name);
