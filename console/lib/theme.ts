export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const STORED_THEME = 'hydracore-voice-theme';

export const storedTheme = (): Theme =>
  themes.find((theme) => theme === localStorage.getItem(STORED_THEME)) ?? 'system';

/** Shows the page in a theme, and remembers it. */
export function applyTheme(theme: Theme): void {
  localStorage.setItem(STORED_THEME, theme);
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
}
