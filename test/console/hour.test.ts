import { expect, test } from 'vitest';
import { stateNames } from '#console/lib/format.ts';
import { findChromium } from './browser.ts';
import { playHour } from './hour/hour.ts';
import { problemsOf } from './hour/judge.ts';
import type { ShownPage } from './hour/judge.ts';
import { createTraffic } from './hour/traffic.ts';

const LIMIT_MS = 300_000;
const chromium = findChromium();

test.skipIf(chromium === undefined)(
  'the live page stays right and its memory flat while a thousand calls a minute begin and end, for three minutes of an hour (needs Chromium)',
  { timeout: LIMIT_MS },
  async () => {
    const report = await playHour({
      chromium: chromium ?? '',
      minutes: 3,
      lookEveryMinutes: 1,
      onStep: () => undefined,
    });
    expect(report.problems).toEqual([]);
    expect(report).toMatchObject({ ok: true, cuts: 2 });
    expect(report.calls).toBeGreaterThanOrEqual(3_000);
  },
);

test('traffic is a thousand calls a minute, each told from its start to its end', () => {
  const traffic = createTraffic(0);
  const told = Array.from({ length: 100 }, (_, second) => traffic.advance((second + 1) * 1_000));
  expect(traffic.begun).toBe(Math.ceil(100_000 / 60));
  const events = told.flat();
  const of = (type: string): number => events.filter((event) => event.type === type).length;
  expect(of('call-started')).toBe(traffic.begun);
  expect(of('call-started') - of('call-ended')).toBe(traffic.live.size);
  expect(traffic.live.size).toBeGreaterThan(400);
  const [first] = traffic.ended;
  expect(first?.turns.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
});

test('a page that shows something else than what is true is found out', () => {
  const traffic = createTraffic(0);
  traffic.advance(100_000);
  const shown = [...traffic.live.values(), ...traffic.ended.slice(-12)]
    .toSorted((one, two) => two.index - one.index)
    .slice(0, 100);
  const right: ShownPage = {
    head: `${traffic.live.size} calls going on`,
    stream: 'Live',
    rows: shown.map(({ phone, state, turns }) => ({
      name: phone,
      turns: turns.length,
      state: stateNames[state],
    })),
    hidden: traffic.live.size + 12 - 100,
    panelName: shown[50]?.phone ?? '',
    panelTurns: shown[50]?.turns.map(({ text }) => text) ?? [],
  };
  expect(problemsOf(right, traffic)).toEqual([]);
  const [row, ...rows] = right.rows;
  if (!row) throw new Error('nothing is shown');
  const wrong: readonly Partial<ShownPage>[] = [
    { head: `${traffic.live.size + 1} calls going on` },
    { stream: 'Connection lost' },
    { rows },
    { rows: [{ ...row, turns: row.turns + 1 }, ...rows] },
    { rows: [{ ...row, state: 'Ended' }, ...rows] },
    { rows: [{ ...row, name: traffic.ended[0]?.phone ?? '' }, ...rows] },
    { hidden: 0 },
    { panelTurns: [...right.panelTurns, 'Never said.'] },
  ];
  for (const change of wrong) expect(problemsOf({ ...right, ...change }, traffic)).not.toEqual([]);
});
