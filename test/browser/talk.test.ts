import { expect, test } from 'vitest';
import { findChromium } from '#test/console/browser.ts';
import { callFromBrowser } from './talk.ts';

const CALLS_LIMIT_MS = 600_000;
const chromium = findChromium();

test.skipIf(chromium === undefined)(
  'The Talk page holds a whole call by voice, with an interruption, and one in writing, and shows the words that were spoken (needs Chromium)',
  { timeout: CALLS_LIMIT_MS },
  async () => {
    const report = await callFromBrowser({
      chromium: chromium ?? '',
      pictures: undefined,
      onStep: () => undefined,
    });
    expect(report.problems).toEqual([]);
    expect(report.transcript.length).toBe(11);
  },
);
