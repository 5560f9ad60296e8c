import type { CDPSession, Page } from 'playwright-core';
import { z } from 'zod';
import type { LiveCall, Store } from '#store/store.ts';
import { openTestApi } from '#test/support/api.ts';
import { openTestStore } from '#test/support/store.ts';
import { launchChromium } from '../browser.ts';
import { pageSchema, problemsOf } from './judge.ts';
import { pageClock, READ_PAGE } from './page-clock.ts';
import { createTraffic, recordOf } from './traffic.ts';
import type { Traffic } from './traffic.ts';

const START_MS = Date.UTC(2026, 10, 20, 12);
/** Traffic and page go on by turns, so much of the time at once. */
const BATCH_MS = 1_200;
/** Until then calls become more, because none is old enough to end. */
const WARM_UP_MS = 60_000;
/** Page and traffic are compared when the page has had so much time to show what it was told. */
const SHOW_MS = 100;
const SHOW_TRIES = 100;
/** More events than the server keeps: a reader that comes back after it is told what is stored. */
const LONG_ABSENCE_MS = 40_000;
/** The heap after the warm-up, and what a browser's own caches may add to it. */
export const HEAP_TOLERANCE = { share: 1.1, bytes: 1_048_576 } as const;

export type HourReport = {
  readonly ok: boolean;
  readonly virtualMinutes: number;
  readonly calls: number;
  readonly events: number;
  /** How often the connection was cut: once for a moment, once for longer than the server remembers. */
  readonly cuts: number;
  readonly samples: readonly HourSample[];
  readonly problems: readonly string[];
};

/** After a garbage collection. */
export type HourSample = {
  readonly minute: number;
  readonly liveCalls: number;
  readonly heapBytes: number;
  readonly domNodes: number;
  readonly listeners: number;
  readonly timers: number;
};

/**
 * The console's live page, in Chromium and against the real API, while a thousand calls a minute
 * begin and end. The page's clock is the traffic's; what it is told goes over real sockets as fast
 * as it takes it. Rejects where the page cannot be opened.
 */
export async function playHour(options: {
  readonly chromium: string;
  readonly minutes: number;
  /** The page is compared with the truth, and its memory measured, this often. */
  readonly lookEveryMinutes: number;
  readonly onStep: (step: string) => void;
}): Promise<HourReport> {
  const { minutes, lookEveryMinutes, onStep } = options;
  await using opened = new AsyncDisposableStack();
  const store = opened.adopt(await openTestStore(), (open) => open.close());
  const traffic = createTraffic(START_MS);
  let instanceId = '';
  const api = await openTestApi(storeOf(store, traffic, () => instanceId));
  opened.defer(async () => {
    api.app.server.closeAllConnections();
    await api.app.close();
  });
  const { key } = await api.tenant();
  const made = await api.as(key)('POST', '/v1/instances', { name: 'Busy line' });
  instanceId = z.object({ id: z.string() }).parse(made.body).id;
  const origin = await api.app.listen({ host: '127.0.0.1', port: 0 });
  const browser = opened.adopt(await launchChromium(options.chromium), (open) => open.close());
  const page = await browser.newPage({ baseURL: origin, reducedMotion: 'reduce' });
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(`an error in the page: ${error.message}`));
  const devTools = await page.context().newCDPSession(page);
  await page.addInitScript(pageClock(START_MS));
  await signIn(page, instanceId, key);

  const samples: HourSample[] = [];
  let events = 0;
  let cuts = 0;
  const passedMs = (): number => traffic.nowMs - START_MS;
  const happen = (): void => {
    for (const event of traffic.advance(traffic.nowMs + BATCH_MS)) {
      events += 1;
      api.live.emit(instanceId, event);
    }
    api.live.sound(instanceId, traffic.levels().slice(0, 50));
  };
  const goOn = async (): Promise<void> => {
    happen();
    await api.clock.advance(BATCH_MS);
    await advance(page, BATCH_MS);
  };
  const look = async (): Promise<void> => {
    const wrong = await differences(page, traffic);
    const minute = Math.round(passedMs() / 60_000);
    problems.push(...wrong.map((problem) => `minute ${minute}: ${problem}`));
    samples.push({ minute, liveCalls: traffic.live.size, ...(await measure(page, devTools)) });
    onStep(JSON.stringify(samples.at(-1)));
  };
  const cut = async (absentMs: number): Promise<void> => {
    cuts += 1;
    api.app.server.closeAllConnections();
    await shows(page, 'Connection lost');
    for (let goneMs = 0; goneMs < absentMs; goneMs += BATCH_MS) happen();
    const wrong = await differences(page, traffic);
    problems.push(...wrong.map((problem) => `after ${absentMs} ms of absence: ${problem}`));
  };

  const steps = [
    { atMs: (minutes * 60_000) / 3, run: () => cut(BATCH_MS) },
    { atMs: (minutes * 60_000 * 2) / 3, run: () => cut(LONG_ABSENCE_MS) },
    ...Array.from({ length: Math.floor(minutes / lookEveryMinutes) }, (_, count) => ({
      atMs: Math.max(WARM_UP_MS, (count + 1) * lookEveryMinutes * 60_000),
      run: look,
    })),
  ].toSorted((one, two) => one.atMs - two.atMs);
  for (const step of steps) {
    while (passedMs() < step.atMs) await goOn();
    await step.run();
  }
  problems.push(...growth(samples));
  return {
    ok: problems.length === 0,
    virtualMinutes: minutes,
    calls: traffic.begun,
    events,
    cuts,
    samples,
    problems,
  };
}

/** Everything but calls is the store's own; tens of thousands of these would take it many minutes. */
function storeOf(store: Store, traffic: Traffic, instanceId: () => string): Store {
  const liveCalls = (): readonly LiveCall[] =>
    [...traffic.live.values()].map((call) => ({
      id: call.id,
      instanceId: instanceId(),
      provider: 'pipecat',
      carrierCallId: call.id,
      callerPhone: call.phone,
      startedAt: new Date(call.startedAtMs),
      state: call.state === 'ended' ? 'ending' : call.state,
      turnCount: call.turns.length,
    }));
  const known = () => new Map([...traffic.ended, ...traffic.live.values()].map((c) => [c.id, c]));
  const getMany: Store['calls']['getMany'] = async (_tenantId, ids) => {
    const calls = known();
    return ids.flatMap((id) => {
      const call = calls.get(id);
      return call ? [recordOf(call, instanceId(), traffic.nowMs)] : [];
    });
  };
  return {
    ...store,
    calls: {
      ...store.calls,
      getMany,
      get: async (tenantId, id) => (await getMany(tenantId, [id]))[0],
      live: async () => liveCalls(),
      countLive: async () => traffic.live.size,
      async current(_tenantId, _instanceId, { endedSince }) {
        const ended = endedSince
          ? traffic.ended.filter(({ endedAtMs }) => (endedAtMs ?? 0) >= endedSince.getTime())
          : [];
        return { callIds: [...ended.map(({ id }) => id), ...traffic.live.keys()], endedSince };
      },
    },
  };
}

async function signIn(page: Page, instanceId: string, key: string): Promise<void> {
  await page.goto(`/instances/${instanceId}/live`);
  await shows(page, 'API key');
  await page.getByLabel('API key').fill(key);
  await page.keyboard.press('Enter');
  await shows(page, 'Nobody is calling');
}

/** Lets the page's time go on until it shows this. */
async function shows(page: Page, text: string): Promise<void> {
  for (let attempt = 0; attempt < SHOW_TRIES; attempt += 1) {
    await advance(page, SHOW_MS);
    if (await page.getByText(text).first().isVisible()) return;
  }
  throw new Error(`The page does not show “${text}”.`);
}

const advance = (page: Page, ms: number): Promise<unknown> =>
  page.evaluate(`globalThis.hour.advance(${ms})`);

/** What the page shows otherwise than it is, once it has had the time to show it. */
async function differences(page: Page, traffic: Traffic): Promise<readonly string[]> {
  let wrong: readonly string[] = [];
  for (let attempt = 0; attempt < SHOW_TRIES; attempt += 1) {
    await advance(page, SHOW_MS);
    wrong = problemsOf(pageSchema.parse(await page.evaluate(READ_PAGE)), traffic);
    if (wrong.length === 0) return [];
  }
  return wrong;
}

async function measure(
  page: Page,
  devTools: CDPSession,
): Promise<Omit<HourSample, 'minute' | 'liveCalls'>> {
  await devTools.send('HeapProfiler.collectGarbage');
  const { usedSize } = await devTools.send('Runtime.getHeapUsage');
  const { nodes, jsEventListeners } = await devTools.send('Memory.getDOMCounters');
  const timers = Number(await page.evaluate('globalThis.hour.timers()'));
  return { heapBytes: usedSize, domNodes: nodes, listeners: jsEventListeners, timers };
}

/** What is larger than it was after the warm-up. */
function growth(samples: readonly HourSample[]): readonly string[] {
  const [first, ...others] = samples;
  if (!first || others.length === 0) return ['The memory was not measured twice.'];
  const most = (of: (sample: HourSample) => number): number => Math.max(...others.map(of));
  const heapMax = first.heapBytes * HEAP_TOLERANCE.share + HEAP_TOLERANCE.bytes;
  return [
    ...(most(({ heapBytes }) => heapBytes) > heapMax
      ? [`the heap grew from ${first.heapBytes} to ${most(({ heapBytes }) => heapBytes)} bytes`]
      : []),
    ...(['domNodes', 'listeners', 'timers'] as const).flatMap((what) =>
      most((sample) => sample[what]) > first[what] * 1.5 + 100
        ? [`${what} grew from ${first[what]} to ${most((sample) => sample[what])}`]
        : [],
    ),
  ];
}
