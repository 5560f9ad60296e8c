import type { Page } from 'playwright-core';

/** Whatever the browser complains of is a problem; so is every request to somebody else. */
export function watchPage(page: Page, origin: string, problems: string[]): void {
  page.on('pageerror', (error) => problems.push(`an error in the page: ${error.message}`));
  page.on('console', (line) => {
    // That a request was refused is what some steps are about.
    if (line.type() === 'error' && !line.text().startsWith('Failed to load resource'))
      problems.push(`the browser says: ${line.text()}`);
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(?:data|blob):/.test(url))
      problems.push(`a request to somebody else: ${url}`);
    if (/hc_(?:live|test)_/.test(url)) problems.push('the key stands in an address');
  });
}
