import { expect, test } from 'vitest';
import { findChromium } from './browser.ts';
import { walkConsole } from './walk.ts';

const WALK_LIMIT_MS = 600_000;
const chromium = findChromium();

test.skipIf(chromium === undefined)(
  'Chromium walks through every page of the console, in both themes, at both widths, while a call goes on (needs Chromium)',
  { timeout: WALK_LIMIT_MS },
  async () => {
    const report = await walkConsole({
      chromium: chromium ?? '',
      pictures: undefined,
      onStep: () => undefined,
    });
    expect(report.problems).toEqual([]);
    expect(report.looked.length).toBeGreaterThan(12);
  },
);
