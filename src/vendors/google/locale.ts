/**
 * The locale by which the recogniser knows a language: it wants a region, `en-US` for `en`, and has
 * names of its own for Chinese.
 */
export function speechLocale(language: string): string {
  const { primary, script, region } = partsOf(language);
  return primary === 'zh' ? `cmn-${script}-${region}` : `${primary}-${region}`;
}

/** The locale by which voices are named; Arabic is one voice for all regions. */
export function voiceLocale(language: string): string {
  const { primary, region } = partsOf(language);
  if (primary === 'zh') return `cmn-${region}`;
  return primary === 'ar' ? 'ar-XA' : `${primary}-${region}`;
}

function partsOf(language: string): {
  readonly primary: string;
  readonly script: string;
  readonly region: string;
} {
  const { language: primary, script = '', region = '' } = new Intl.Locale(language).maximize();
  return { primary, script, region };
}
