import type { Page } from 'playwright-core';
import { systemClock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import { scriptedCaller } from '#sandbox/caller/scripted-caller.ts';
import { playDemo } from '#sandbox/demo/play.ts';
import { AGENT_NUMBER, CALLER_NUMBER, openStage } from '#sandbox/demo/stage.ts';
import type { Stage } from '#sandbox/demo/stage.ts';
import { launchChromium } from './browser.ts';
import { createLooker } from './look.ts';
import { walkForms } from './walk-forms.ts';
import type { Walk } from './walk-page.ts';
import { walkReplay } from './walk-replay.ts';
import { watchPage } from './watch-page.ts';

/** A machine with two busy cores is slow; nothing here is about how long something takes. */
const PATIENCE_MS = 30_000;
const CALL_MS = 180_000;

export type WalkReport = {
  readonly ok: boolean;
  /** The pages looked at, by the names of their pictures. */
  readonly looked: readonly string[];
  readonly problems: readonly string[];
};

/**
 * Walks through every page of the console as a person would, on a real server with the sandbox around
 * it, while a call goes on. Rejects when the way ends before the last page.
 */
export async function walkConsole(options: {
  readonly chromium: string;
  readonly pictures: string | undefined;
  readonly onStep: (step: string) => void;
}): Promise<WalkReport> {
  const { onStep } = options;
  const problems: string[] = [];
  const looker = createLooker(options.pictures);
  await using opened = new AsyncDisposableStack();
  const stage = opened.adopt(
    await openStage({ clock: systemClock, port: 0, onLog: (line) => problems.push(line) }),
    (open) => open.close(),
  );
  const browser = opened.adopt(await launchChromium(options.chromium), (open) => open.close());
  const page = await browser.newPage({ baseURL: stage.server.origin, reducedMotion: 'reduce' });
  page.setDefaultTimeout(PATIENCE_MS);
  watchPage(page, stage.server.origin, problems);
  const walk: Walk = {
    page,
    stage,
    looker,
    follow: (name) => page.getByRole('link', { name, exact: true }).first().click(),
    expect: (holds, sentence) => void (holds || problems.push(sentence)),
  };
  try {
    onStep('signing in');
    await signIn(walk);
    onStep('a call while it happens');
    const callId = await followCall(walk);
    onStep('saying something, and hanging up');
    await endCall(walk);
    onStep('what is known of it afterwards');
    await readCall(walk, callId);
    onStep('forms');
    await walkForms(walk);
    onStep('signing out');
    await signOut(walk);
  } catch (error) {
    const said = await page.locator('main').innerText();
    problems.push(`at ${page.url()}: ${messageOf(error)}\n${said}`);
  }
  const all = [...problems, ...looker.problems];
  return { ok: all.length === 0, looked: looker.looked, problems: all };
}

async function signIn({ page, stage, looker, expect }: Walk): Promise<void> {
  await page.goto(`/instances/${stage.instanceId}/live`);
  const key = page.getByLabel('API key');
  await key.fill('hc_live_nobody');
  await page.keyboard.press('Enter');
  await page.getByText('This key is not valid').waitFor();
  await looker.look(page, 'sign-in');
  await key.fill(stage.apiKey);
  await page.keyboard.press('Enter');
  await page.getByText('Nobody is calling').waitFor();
  await looker.look(page, 'live-empty');
  expect(!page.url().includes(stage.apiKey), 'the key stands in the address');
  await page.reload();
  await page.getByText('Nobody is calling').waitFor();
  await page.keyboard.press('Tab');
  const focused = await page.evaluate('document.activeElement.textContent');
  await page.evaluate('document.activeElement.blur()');
  expect(focused === 'Skip to content', `the first Tab goes to “${String(focused)}”`);
}

/** Answers the call's id. The page is left open from its beginning to its end, and never reloaded. */
async function followCall({ page, stage, looker, expect }: Walk): Promise<string> {
  const playing = playDemo(stage, systemClock, () => undefined);
  playing.catch(() => undefined);
  await page.locator('.live-call .turn.interim p').first().waitFor();
  await page.locator('.transcript .turn.caller').first().waitFor({ timeout: CALL_MS });
  // The unheard part of the sentence that the caller cut short.
  await page.locator('.transcript del').first().waitFor({ timeout: CALL_MS });
  await looker.look(page, 'live');
  await page.setViewportSize({ width: 1_280, height: 860 });
  const { call_id: callId, ok, problems } = await playing;
  expect(ok, `the call itself went wrong: ${problems.join('; ')}`);
  await page.locator('.ended', { hasText: 'Agent hung up' }).waitFor({ timeout: CALL_MS });
  const record = await stage.call(callId);
  await expectTranscript(page, record, expect);
  return callId;
}

/** The words on the page are the words of the record. */
async function expectTranscript(
  page: Page,
  { turns }: Awaited<ReturnType<Stage['call']>>,
  expect: Walk['expect'],
): Promise<void> {
  const shown = await page.locator('ol.transcript .turn p').allTextContents();
  const words = (text: string): string =>
    text.replaceAll('not heard: ', '').replaceAll(/\s+/g, ' ');
  const seen = JSON.stringify(shown.map(words));
  const said = JSON.stringify(turns.map(({ text }) => words(text)));
  expect(seen === said, `the transcript on the page is ${seen}, the record has ${said}`);
  const unheard = await page.locator('ol.transcript del').count();
  const cut = turns.filter(({ role, text, heard }) => role === 'agent' && text !== heard).length;
  expect(unheard === cut, `${unheard} sentences are struck through, ${cut} were cut short`);
}

const SENTENCE = 'The kitchen closes in ten minutes.';

async function endCall({ page, stage }: Walk): Promise<void> {
  const { sandbox } = stage;
  const caller = await scriptedCaller({
    bank: sandbox.bank,
    openEar: sandbox.openEar,
    script: [{ waitForAgent: 'to-finish' }, { expectHangUp: true }],
    voice: 'rms',
  });
  const call = sandbox.carrier.dial({ from: CALLER_NUMBER, to: AGENT_NUMBER, caller });
  await page
    .getByRole('button', { name: /Greeting|Listening|Speaking/ })
    .first()
    .click();
  await page.locator('ol.transcript .turn.agent').first().waitFor({ timeout: CALL_MS });
  await page.getByPlaceholder('Have the agent say …').fill(SENTENCE);
  await page.keyboard.press('Enter');
  await page.locator('ol.transcript', { hasText: SENTENCE }).waitFor({ timeout: CALL_MS });
  await page.getByRole('button', { name: 'Hang up' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Hang up' }).click();
  await page.locator('.ended', { hasText: 'Hung up by you' }).waitFor({ timeout: CALL_MS });
  await call.done;
}

async function readCall(walk: Walk, callId: string): Promise<void> {
  const { page, stage, looker, follow, expect } = walk;
  await follow('Calls');
  await page.locator('.rows .row').nth(1).waitFor();
  await looker.look(page, 'calls');
  await page.locator(`a[href="/calls/${callId}"]`).click();
  await page.getByRole('region', { name: 'Entries' }).waitFor();
  await page.locator('.row-chart .recharts-bar-rectangle path').first().waitFor();
  await looker.look(page, 'call');
  await looker.look(page, 'call-figures', page.locator('figure'));
  await expectTranscript(page, await stage.call(callId), expect);
  const bars = await page.locator('.row-chart li').count();
  const answers = (await stage.call(callId)).turns.filter(
    ({ role, waterfall_ms: waterfall }) => role === 'agent' && Object.keys(waterfall).length > 0,
  );
  expect(bars === answers.length, `${bars} waterfalls for ${answers.length} answers`);
  await walkReplay(walk);
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download JSON' }).click();
  expect((await saving).suggestedFilename() === `call-${callId}.json`, 'the file has another name');
  await page.goto(`/calls/${callId.replace(/^./, (first) => (first === '0' ? '1' : '0'))}`);
  await page.getByText('Call not found').waitFor();
  await looker.look(page, 'call-missing');

  await page.goto('/');
  await page.getByText("Luigi's restaurant (demo)").waitFor();
  await looker.look(page, 'instances');
  await page.goto(`/instances/${stage.instanceId}`);
  await page.locator('.tile dd', { hasText: ' ms' }).first().waitFor();
  for (const chart of await page.locator('.drawn').all())
    await chart.locator('.recharts-bar-rectangle path').first().waitFor();
  await looker.look(page, 'overview');
  const counted = await page.locator('.tile dd').first().textContent();
  expect(counted === '2', `the overview counts ${counted} calls of 2`);
  await tellBars(page);
}

/** What a bar of the first chart stands for, by the keys and by the pointer. */
async function tellBars(page: Page): Promise<void> {
  const chart = page.locator('.chart').first();
  await chart.locator('svg').focus();
  await page.keyboard.press('ArrowRight');
  await chart.getByRole('status').getByText('0 calls, 0 failed').waitFor();
  await chart.locator('.recharts-bar-rectangle path').first().hover({ force: true });
  await chart
    .getByRole('status')
    .getByText(/^[12] calls, 0 failed/)
    .waitFor();
}

async function signOut({ page, looker, expect }: Walk): Promise<void> {
  await page.goto('/instances/6f1d2f0a-9c1e-4b6e-8f1c-0d5c9a7e4b12');
  await page.getByText('Instance not found').waitFor();
  await looker.look(page, 'instance-missing');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('API key').waitFor();
  const kept = await page.evaluate('JSON.stringify(sessionStorage) + JSON.stringify(localStorage)');
  expect(!String(kept).includes('hc_live_'), 'the key is kept after signing out');
}
