import type { AgentChange } from './retell-rest.ts';

/**
 * Retell's language for one of BCP 47: the same, or that language as it is spoken elsewhere.
 * Undefined: Retell does not have it.
 */
export function retellLanguage(language: string): RetellLanguage | undefined {
  const wanted = language.toLowerCase();
  const [primary] = wanted.split('-');
  return (
    languages.find((known) => known.toLowerCase() === wanted) ??
    languages.find((known) => known.toLowerCase().split('-', 1)[0] === primary)
  );
}

export type RetellLanguage = Extract<AgentChange['language'], string>;

/** Of several of one language the one that stands for it comes first. Source: retell-sdk 5.66.1. */
const languages: readonly RetellLanguage[] = [
  'en-US',
  'en-IN',
  'en-GB',
  'en-AU',
  'en-NZ',
  'de-DE',
  'es-ES',
  'es-419',
  'hi-IN',
  'fr-FR',
  'fr-CA',
  'ja-JP',
  'pt-PT',
  'pt-BR',
  'zh-CN',
  'ru-RU',
  'it-IT',
  'ko-KR',
  'nl-NL',
  'nl-BE',
  'pl-PL',
  'tr-TR',
  'vi-VN',
  'ro-RO',
  'bg-BG',
  'ca-ES',
  'th-TH',
  'da-DK',
  'fi-FI',
  'el-GR',
  'hu-HU',
  'id-ID',
  'no-NO',
  'sk-SK',
  'sv-SE',
  'lt-LT',
  'lv-LV',
  'cs-CZ',
  'ms-MY',
  'af-ZA',
  'ar-SA',
  'az-AZ',
  'bs-BA',
  'cy-GB',
  'fa-IR',
  'fil-PH',
  'gl-ES',
  'he-IL',
  'hr-HR',
  'hy-AM',
  'is-IS',
  'kk-KZ',
  'kn-IN',
  'mk-MK',
  'mr-IN',
  'ne-NP',
  'sl-SI',
  'sr-RS',
  'sw-KE',
  'ta-IN',
  'ur-IN',
  'yue-CN',
  'uk-UA',
];
