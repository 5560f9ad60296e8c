import { afterAll, beforeAll, describe, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { startSandbox } from '#sandbox/sandbox.ts';
import { findChromium } from '#test/console/browser.ts';
import { openWorld } from '#test/e2e/support/world.ts';
import type { World } from '#test/e2e/support/world.ts';
import { suiteBrain } from './suite/brain.ts';
import { browserDriver } from './suite/browser-driver.ts';
import { rtviCases } from './suite/cases.ts';
import type { RtviDriver } from './suite/driver.ts';
import { servePage } from './suite/serve-page.ts';

const CASE_LIMIT_MS = 180_000;
const chromium = findChromium();

describe.skipIf(chromium === undefined)(
  "Pipecat's own client in a page of another origin (needs Chromium)",
  () => {
    const opened = new AsyncDisposableStack();
    let world: World;
    let driver: RtviDriver;
    beforeAll(async () => {
      const sandbox = opened.adopt(
        await startSandbox({ clock: systemClock, brain: suiteBrain }),
        (running) => running.close(),
      );
      const served = opened.use(await servePage());
      world = opened.use(await openWorld({ sandbox, env: { CORS_ORIGINS: served.origin } }));
      driver = opened.use(browserDriver({ chromium: chromium ?? '', sandbox, served }));
    });
    afterAll(() => opened.disposeAsync());

    for (const { sentence, run } of rtviCases)
      test(
        sentence,
        // A machine without time for Chromium tears the sound of its microphone, and words with it.
        { timeout: CASE_LIMIT_MS, retry: 2 },
        () => run(driver, world),
      );
  },
);
