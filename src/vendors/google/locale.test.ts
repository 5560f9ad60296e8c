import { expect, test } from 'vitest';
import { speechLocale, voiceLocale } from './locale.ts';
import { voiceOf } from './synthesis-messages.ts';

test.each([
  ['en', 'en-US', 'en-US'],
  ['en-GB', 'en-GB', 'en-GB'],
  ['de', 'de-DE', 'de-DE'],
  ['pt', 'pt-BR', 'pt-BR'],
  ['zh', 'cmn-Hans-CN', 'cmn-CN'],
  ['zh-TW', 'cmn-Hant-TW', 'cmn-TW'],
  ['ar', 'ar-EG', 'ar-XA'],
])('%s is heard as %s and spoken as %s', (language, heard, spoken) => {
  expect(speechLocale(language)).toBe(heard);
  expect(voiceLocale(language)).toBe(spoken);
});

test('a voice by its name alone speaks the language of the call, a full name its own', () => {
  expect(voiceOf('chirp-3-hd', 'Kore', 'de')).toEqual({
    languageCode: 'de-DE',
    name: 'de-DE-Chirp3-HD-Kore',
  });
  expect(voiceOf('chirp-3-hd', 'fr-FR-Chirp3-HD-Puck', 'de')).toEqual({
    languageCode: 'fr-FR',
    name: 'fr-FR-Chirp3-HD-Puck',
  });
});

test('a model of Gemini is told to the service, with its voice as it is', () => {
  expect(voiceOf('gemini-3.8-flash-tts', 'Kore', 'en')).toEqual({
    languageCode: 'en-US',
    name: 'Kore',
    modelName: 'gemini-3.8-flash-tts',
  });
});
