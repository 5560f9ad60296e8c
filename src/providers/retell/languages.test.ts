import { expect, test } from 'vitest';
import { retellLanguage } from './languages.ts';

test.each([
  ['en', 'en-US'],
  ['en-GB', 'en-GB'],
  ['EN-gb', 'en-GB'],
  ['en-ZA', 'en-US'],
  ['de-AT', 'de-DE'],
  ['es', 'es-ES'],
  ['es-419', 'es-419'],
  ['pt-BR', 'pt-BR'],
  ['zh-Hant-TW', 'zh-CN'],
  ['fil', 'fil-PH'],
])('%s is %s at Retell', (language, retells) => {
  expect(retellLanguage(language)).toBe(retells);
});

test('a language that Retell does not have is none of its own', () => {
  expect(retellLanguage('tlh')).toBeUndefined();
  expect(retellLanguage('fi-FI')).toBe('fi-FI');
});
