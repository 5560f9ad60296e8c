import { expect, onTestFinished, test } from 'vitest';
import type { Page } from 'playwright-core';
import { ASK_FOR_STORY } from '#test/e2e/support/brain.ts';
import { openWorld } from '#test/e2e/support/world.ts';
import { findChromium, launchChromium } from './browser.ts';

/** A machine with two busy cores is slow; nothing here is about how long something takes. */
const PATIENCE_MS = 60_000;
const LIMIT_MS = 300_000;
const GREETING = 'Good morning, how can I help you?';
const chromium = findChromium();

const shownTurns = (page: Page): Promise<readonly string[]> =>
  page.locator('ol.transcript .turn p').allTextContents();

test.skipIf(chromium === undefined)(
  'the live page says that its server has gone, and when it is back shows what is stored, without a reload (needs Chromium)',
  { timeout: LIMIT_MS },
  async () => {
    await using world = await openWorld();
    const agent = await world.addAgent({ config: { greeting: GREETING } });
    const browser = await launchChromium(chromium ?? '');
    onTestFinished(() => browser.close());
    const { origin } = world.server;
    const page = await browser.newPage({ baseURL: origin });
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(`/instances/${agent.instanceId}/live`);
    await page.getByLabel('API key').fill(world.apiKey);
    await page.keyboard.press('Enter');
    await page.getByText('Nobody is calling').waitFor();

    const cut = await agent.dial([
      { waitForAgent: 'to-finish' },
      { say: ASK_FOR_STORY },
      { expectHangUp: true },
    ]);
    // Both voices are heard and shown: a silent meter says so.
    const loud = (side: string) =>
      page.locator(
        `.live-call [aria-label="Loudness of the ${side}"]:not([aria-valuetext=silent])`,
      );
    await loud('agent').waitFor();
    await loud('caller').waitFor();
    await cut.saying('Once');
    await page.locator('.live-call .turn.interim', { hasText: 'Once' }).waitFor();
    process.kill(world.server.pid, 'SIGKILL');
    await page.getByText('Connection lost').waitFor();
    await cut.experience;

    await world.restart({ PORT: new URL(origin).port });
    await page.locator('.stream-note', { hasText: 'Live' }).waitFor();
    await page.locator('.live-call .ended', { hasText: 'server' }).waitFor();
    const record = await cut.record();
    expect(record.end_reason).toBe('node_lost');
    expect(await shownTurns(page)).toEqual(record.turns.map(({ text }) => text));
    expect(await page.locator('.live-call .turn.interim').count()).toBe(0);

    const next = await agent.dial([{ waitForAgent: 'to-finish' }, { hangUp: true }]);
    await page.locator('.live-list .row', { hasText: next.from }).click();
    await page.locator('.live-call .ended').waitFor();
    const told = await next.record();
    expect(await shownTurns(page)).toEqual(told.turns.map(({ text }) => text));
  },
);
