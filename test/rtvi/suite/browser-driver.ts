import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { Sandbox } from '#sandbox/sandbox.ts';
import { speakingArgs, UNPROCESSED, writeMicrophone } from '#test/browser/fake-microphone.ts';
import { launchChromium } from '#test/console/browser.ts';
import type { Actions } from './actions.ts';
import type { RtviDriver } from './driver.ts';
import type { ServedPage } from './serve-page.ts';

/** The client in Chromium, each in a browser of its own, whose microphone is a file. */
export function browserDriver(parts: {
  readonly chromium: string;
  readonly sandbox: Sandbox;
  readonly served: ServedPage;
}): RtviDriver & AsyncDisposable {
  const opened = new AsyncDisposableStack();
  const folder = opened.adopt(mkdtempSync(join(tmpdir(), 'hydracore-rtvi-')), (path) =>
    rmSync(path, { recursive: true }),
  );
  return {
    async open(says) {
      const microphone = await writeMicrophone(folder, parts.sandbox.bank, says);
      const browser = opened.use(await launchChromium(parts.chromium, speakingArgs(microphone)));
      const page = await browser.newPage();
      await page.addInitScript(UNPROCESSED);
      await page.goto(parts.served.origin);
      await page.waitForFunction('globalThis.actions');
      return actionsIn(page);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function actionsIn(page: Page): Actions {
  const act = async <Answer>(
    name: keyof Actions,
    ...given: readonly unknown[]
  ): Promise<Answer> => {
    const call = `globalThis.actions[${JSON.stringify(name)}](...${JSON.stringify(given)})`;
    const answer: Answer = await page.evaluate(call);
    return answer;
  };
  return {
    start: (target) => act('start', target),
    connect: (connection, socketOrigin) => act('connect', connection, socketOrigin),
    events: () => act('events'),
    type: (text, isAnswered = true) => act('type', text, isAnswered),
    press: (keys) => act('press', keys),
    ask: (what) => act('ask', what),
    offer: (name, answer) => act('offer', name, answer),
    disconnectBot: () => act('disconnectBot'),
    disconnect: () => act('disconnect'),
    over: () => act('over'),
  };
}
