import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { z } from 'zod';
import { systemClock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import type { Call } from '#protocol/calls.ts';
import { readRtviFrame } from '#protocol/rtvi-frames.ts';
import { openStage } from '#sandbox/demo/stage.ts';
import type { Stage } from '#sandbox/demo/stage.ts';
import { launchChromium } from '#test/console/browser.ts';
import { createLooker } from '#test/console/look.ts';
import type { Looker } from '#test/console/look.ts';
import { watchPage } from '#test/console/watch-page.ts';
import { endedRecord } from '#test/e2e/support/ended-record.ts';
import { FAKE_DEVICE, speakingArgs, UNPROCESSED, writeMicrophone } from './fake-microphone.ts';
import { isWhole, judgeScene, scene } from './scene.ts';
import type { ShownTurn } from './scene.ts';

/** A machine with two busy cores is slow; nothing here is about how long something takes. */
const PATIENCE_MS = 30_000;
const CALL_MS = 180_000;
const PLAYER_HZ = 24_000;
const MICROPHONE_HZ = 16_000;
/** A fake microphone loses sound, and words with it, where the machine has no time for it. */
const ATTEMPTS = 3;
/** Pieces of sound that had left the microphone when it was muted. */
const ON_THEIR_WAY = 5;

export type TalkReport = {
  readonly ok: boolean;
  /** As it stood on the page at the end of the call. */
  readonly transcript: readonly ShownTurn[];
  /** The pages looked at, by the names of their pictures. */
  readonly looked: readonly string[];
  readonly problems: readonly string[];
};

/**
 * Calls the agent from the console in Chromium: by a voice in a fake microphone, and in writing where
 * the microphone is refused. Rejects where there is no server or no browser to do it with.
 */
export async function callFromBrowser(options: {
  readonly chromium: string;
  /** Where pictures are kept; undefined: none are taken. */
  readonly pictures: string | undefined;
  readonly onStep: (step: string) => void;
}): Promise<TalkReport> {
  const { chromium, pictures, onStep } = options;
  const problems: string[] = [];
  const looker = createLooker(pictures);
  await using opened = new AsyncDisposableStack();
  const stage = opened.adopt(
    await openStage({ clock: systemClock, port: 0, onLog: (line) => problems.push(line) }),
    (open) => open.close(),
  );
  const folder = opened.adopt(mkdtempSync(join(tmpdir(), 'hydracore-microphone-')), (path) =>
    rmSync(path, { recursive: true }),
  );
  const microphone = await writeMicrophone(folder, stage.sandbox.bank, scene);
  const inBrowser = async (
    args: readonly string[],
    walk: (visit: Visit) => Promise<void>,
  ): Promise<void> => {
    await using browser = await launchChromium(chromium, args);
    const page = await talkPage(browser, stage, problems);
    await walk({ page, stage, looker, problems }).catch(async (error: unknown) => {
      problems.push(`${messageOf(error)}\n${await page.locator('main').innerText()}`);
    });
  };

  const speaking = speakingArgs(microphone);
  let transcript: readonly ShownTurn[] = [];
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    onStep('a call by voice');
    let isTorn = false;
    await inBrowser(speaking, async (visit) => {
      const call = await callByVoice(visit);
      transcript = call.shown;
      isTorn = !isWhole(call.sent);
      if (!isTorn) problems.push(...judgeScene(call.shown, call.record, call.received));
      else if (attempt === ATTEMPTS) problems.push(`the page sent only “${call.sent.join(' ')}”`);
    });
    if (!isTorn) break;
    onStep('the machine was too busy for the fake microphone, which lost words: again');
  }
  onStep('a call in writing, the microphone being refused');
  await inBrowser([FAKE_DEVICE], callInWriting);
  if (pictures !== undefined) {
    onStep('pictures of a call by voice');
    await inBrowser(speaking, picture);
  }
  const all = [...problems, ...looker.problems];
  return { ok: all.length === 0, transcript, looked: looker.looked, problems: all };
}

type Visit = {
  readonly page: Page;
  readonly stage: Stage;
  readonly looker: Looker;
  /** Notes what does not hold. */
  readonly problems: string[];
};

/** The Talk page of a browser of its own, signed in. */
async function talkPage(browser: Browser, stage: Stage, problems: string[]): Promise<Page> {
  const page = await browser.newPage({ baseURL: stage.server.origin, reducedMotion: 'reduce' });
  page.setDefaultTimeout(PATIENCE_MS);
  await page.addInitScript(UNPROCESSED);
  watchPage(page, stage.server.origin, problems);
  await page.goto(`/instances/${stage.instanceId}/talk`);
  await page.getByLabel('API key').fill(stage.apiKey);
  await page.keyboard.press('Enter');
  await page.getByText('Call the agent from here').waitFor();
  return page;
}

/** What came of a call by voice: on the page, in the record, and in words on the wire, each way. */
type CallByVoice = {
  readonly shown: readonly ShownTurn[];
  readonly record: Call;
  readonly received: readonly string[];
  readonly sent: readonly string[];
};

async function callByVoice({ page, stage, problems }: Visit): Promise<CallByVoice> {
  const { openEar } = stage.sandbox;
  const received = openEar({ encoding: 'linear16', sampleRateHz: PLAYER_HZ });
  const sent = openEar({ encoding: 'linear16', sampleRateHz: MICROPHONE_HZ });
  let soundsSent = 0;
  page.on('websocket', (socket) => {
    socket.on('framereceived', ({ payload }) => {
      const frame = typeof payload === 'string' ? undefined : readRtviFrame(payload);
      if (frame?.kind === 'audio') received.write(frame.audio);
    });
    socket.on('framesent', ({ payload }) => {
      const frame = typeof payload === 'string' ? undefined : readRtviFrame(payload);
      if (frame?.kind !== 'audio') return;
      soundsSent += 1;
      sent.write(frame.audio);
    });
  });
  await page.getByRole('button', { name: 'Call the agent' }).click();
  await page.getByText('Connected. Speak.').waitFor();
  // Before the voice begins.
  await page.getByRole('button', { name: 'Mute' }).click();
  await page.getByText('Connected. You are muted.').waitFor();
  const sentBefore = soundsSent;
  await page.locator('ol.transcript .turn.agent').first().waitFor();
  const sentMuted = soundsSent - sentBefore;
  if (sentMuted > ON_THEIR_WAY) problems.push(`the muted page sent ${sentMuted} pieces of sound`);
  await page.getByRole('button', { name: 'Mute' }).click();
  await page.getByText('Connected. Speak.').waitFor();
  await page.locator('.turn.caller.interim p').first().waitFor({ timeout: CALL_MS });
  await page.locator('.transcript del').first().waitFor({ timeout: CALL_MS });
  await page.locator('.ended', { hasText: 'Agent hung up' }).waitFor({ timeout: CALL_MS });
  await page.getByText('The call is over.').waitFor();
  received.end();
  sent.end();
  return {
    shown: await shownTurns(page),
    record: await endedRecord(stage, await ownCallId(page)),
    received: received.words.map(({ text }) => text),
    sent: sent.words.map(({ text }) => text),
  };
}

const TYPED = 'I would like to book a table, please.';

async function callInWriting({ page, stage, looker, problems }: Visit): Promise<void> {
  await looker.look(page, 'talk-idle');
  const button = page.locator('.phone-buttons button').first();
  const topOf = async (): Promise<number | undefined> => (await button.boundingBox())?.y;
  const idleTop = await topOf();
  const expectStill = async (state: string): Promise<void> => {
    const top = await topOf();
    if (top !== idleTop) problems.push(`${state}, the button has moved from ${idleTop} to ${top}`);
  };
  await page.getByRole('button', { name: 'Call the agent' }).click();
  await page.getByText('The microphone was refused.').waitFor();
  await expectStill('refused');
  await looker.look(page, 'talk-refused');
  await page.getByRole('button', { name: 'Call without a microphone' }).click();
  await page.getByText('Connected. The agent reads you.').waitFor();
  await page.locator('ol.transcript .turn.agent').first().waitFor();
  await page.getByLabel('Say it in writing').fill(TYPED);
  await page.keyboard.press('Enter');
  await page.locator('ol.transcript .turn.caller', { hasText: TYPED }).waitFor();
  await page.locator('ol.transcript .turn.agent').nth(1).waitFor();
  await expectStill('in a call');
  await page.getByRole('button', { name: 'Hang up' }).click();
  await page.locator('.ended', { hasText: 'Caller hung up' }).waitFor();
  await expectStill('after a call');
  await looker.look(page, 'talk-ended');
  const { end_reason: reason, turns } = await endedRecord(stage, await ownCallId(page));
  const written = turns.filter(({ role }) => role === 'caller').map(({ text }) => text);
  if (reason !== 'caller_hangup' || written.join() !== TYPED)
    problems.push(`the typed call ended with ${String(reason)}, and has “${written.join()}”`);

  const lineless = await stage.owner.makeInstance('Without a line', {});
  await page.goto(`/instances/${lineless}/talk`);
  await page.getByRole('button', { name: 'Call without a microphone' }).click();
  await page.getByText('The voice channel of this agent is not set up.').waitFor();
  await expectStill('where there is no line');
  await looker.look(page, 'talk-failed');
  await stage.owner.ask('DELETE', `/v1/instances/${lineless}`);
}

async function picture({ page, looker }: Visit): Promise<void> {
  await page.getByRole('button', { name: 'Call the agent' }).click();
  await page.locator('.transcript del').first().waitFor({ timeout: CALL_MS });
  // The next answer is being heard.
  await page
    .locator('[aria-label="Loudness of the agent"]:not([aria-valuetext="silent"])')
    .waitFor();
  await looker.look(page, 'talk');
  await page.getByRole('button', { name: 'Hang up' }).click();
  await page.getByText('The call is over.').waitFor();
}

async function ownCallId(page: Page): Promise<string> {
  const link = await page.getByRole('link', { name: 'Details' }).getAttribute('href');
  return link?.replace('/calls/', '') ?? '';
}

const shownSchema = z.array(
  z.object({ role: z.enum(['caller', 'agent']), heard: z.string(), unheard: z.string() }),
);

const shownTurns = async (page: Page): Promise<readonly ShownTurn[]> =>
  shownSchema.parse(
    await page.evaluate(`[...document.querySelectorAll('ol.transcript .turn')].map((turn) => {
      const text = turn.querySelector('p').cloneNode(true);
      const struck = text.querySelector('del');
      struck?.querySelector('.visually-hidden')?.remove();
      struck?.remove();
      return {
        role: turn.classList.contains('agent') ? 'agent' : 'caller',
        heard: text.textContent.trim(),
        unheard: struck?.textContent.trim() ?? '',
      };
    })`),
  );
