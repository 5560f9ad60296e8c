import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

const USUAL_PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** Where a Chromium is on this machine; undefined: nowhere that is known. `CHROMIUM` names another. */
export function findChromium(): string | undefined {
  const named = process.env['CHROMIUM'];
  if (named !== undefined && named !== '') return named;
  return USUAL_PLACES.find((path) => existsSync(path));
}

/** Headless, and silent towards the world: all that it asks is the server that a page names. */
export const launchChromium = (
  executablePath: string,
  args: readonly string[] = [],
): Promise<Browser> =>
  chromium.launch({
    executablePath,
    headless: true,
    args: [
      // A container's user has no sandbox of the kernel; the pages are our own.
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-domain-reliability',
      '--disable-sync',
      '--no-first-run',
      '--no-pings',
      ...args,
    ],
  });
