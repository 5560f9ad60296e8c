import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
import { eventually } from '#test/e2e/support/eventually.ts';
import { microphoneFile } from './monologue.ts';
import { judgeScene, scene } from './scene.ts';
import type { ShownTurn } from './scene.ts';

/** A machine with two busy cores is slow; nothing here is about how long something takes. */
const PATIENCE_MS = 30_000;
const CALL_MS = 180_000;
const PLAYER_HZ = 24_000;
/** Pieces of sound that had left the microphone when it was muted. */
const ON_THEIR_WAY = 5;
const FAKE_DEVICE = '--use-fake-device-for-media-stream';

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
  const microphone = join(folder, 'caller.wav');
  writeFileSync(microphone, await microphoneFile(stage.sandbox.bank, scene, 'rms'));
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

  const speaking = [
    FAKE_DEVICE,
    '--use-fake-ui-for-media-stream',
    `--use-file-for-fake-audio-capture=${microphone}`,
  ];
  let transcript: readonly ShownTurn[] = [];
  onStep('a call by voice');
  await inBrowser(speaking, async (visit) => {
    transcript = await callByVoice(visit);
  });
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

/**
 * The ears of the sandbox know their voices exactly, and a browser's gain control and noise
 * suppression, which are for rooms, make other sounds of them: the fake microphone goes without.
 */
const UNPROCESSED = `{
  const { mediaDevices } = navigator;
  const open = mediaDevices.getUserMedia.bind(mediaDevices);
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  mediaDevices.getUserMedia = () => open({ audio });
}`;

async function callByVoice({ page, stage, problems }: Visit): Promise<readonly ShownTurn[]> {
  const ear = stage.sandbox.openEar({ encoding: 'linear16', sampleRateHz: PLAYER_HZ });
  let soundsSent = 0;
  page.on('websocket', (socket) => {
    socket.on('framereceived', ({ payload }) => {
      const frame = typeof payload === 'string' ? undefined : readRtviFrame(payload);
      if (frame?.kind === 'audio') ear.write(frame.audio);
    });
    socket.on('framesent', ({ payload }) => {
      const frame = typeof payload === 'string' ? undefined : readRtviFrame(payload);
      if (frame?.kind === 'audio') soundsSent += 1;
    });
  });
  await page.getByRole('button', { name: 'Call the agent' }).click();
  await page.getByText('Connected. Speak.').waitFor();
  const callId = await ownCallId(page);
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
  ear.end();
  const shown = await shownTurns(page);
  const record = await completeRecord(stage, callId);
  problems.push(
    ...judgeScene(
      shown,
      record,
      ear.words.map(({ text }) => text),
    ),
  );
  return shown;
}

const TYPED = 'I would like to book a table, please.';

async function callInWriting({ page, stage, looker, problems }: Visit): Promise<void> {
  await looker.look(page, 'talk-idle');
  await page.getByRole('button', { name: 'Call the agent' }).click();
  await page.getByText('The microphone was refused.').waitFor();
  await looker.look(page, 'talk-refused');
  await page.getByRole('button', { name: 'Call without a microphone' }).click();
  await page.getByText('Connected. The agent reads you.').waitFor();
  const callId = await ownCallId(page);
  await page.locator('ol.transcript .turn.agent').first().waitFor();
  await page.getByLabel('Say it in writing').fill(TYPED);
  await page.keyboard.press('Enter');
  await page.locator('ol.transcript .turn.caller', { hasText: TYPED }).waitFor();
  await page.locator('ol.transcript .turn.agent').nth(1).waitFor();
  await page.getByRole('button', { name: 'Hang up' }).click();
  await page.locator('.ended', { hasText: 'Caller hung up' }).waitFor();
  await looker.look(page, 'talk-ended');
  const { end_reason: reason, turns } = await completeRecord(stage, callId);
  const written = turns.filter(({ role }) => role === 'caller').map(({ text }) => text);
  if (reason !== 'caller_hangup' || written.join() !== TYPED)
    problems.push(`the typed call ended with ${String(reason)}, and has “${written.join()}”`);
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

/** The record once the server has written all of it. */
const completeRecord = (stage: Stage, callId: string): Promise<Call> =>
  eventually('the record to be complete', async () => {
    const call = await stage.call(callId);
    return call.ended_at === null ? undefined : call;
  });

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
