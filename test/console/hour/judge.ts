import { z } from 'zod';
import { stateNames } from '#console/lib/format.ts';
import type { Traffic } from './traffic.ts';

/** As many calls as the page lists. */
const SHOWN_MAX = 100;
/** As many ended calls as it keeps. */
const ENDED_KEPT = 12;
/** Calls that were told together stand in either order. */
const TOGETHER = 25;

export const pageSchema = z.object({
  head: z.string(),
  stream: z.string(),
  rows: z.array(z.object({ name: z.string(), turns: z.number(), state: z.string() })),
  hidden: z.number(),
  panelName: z.string(),
  panelTurns: z.array(z.string()),
});
export type ShownPage = z.infer<typeof pageSchema>;

/** What the page shows otherwise than it is. */
export function problemsOf(shown: ShownPage, traffic: Traffic): readonly string[] {
  const live = [...traffic.live.values()];
  const recent = traffic.ended.slice(-ENDED_KEPT - TOGETHER);
  const byPhone = new Map([...traffic.ended, ...live].map((call) => [call.phone, call]));
  const problems: string[] = [];
  const expect = (holds: boolean, sentence: string): void =>
    void (holds || problems.push(sentence));

  expect(shown.stream.startsWith('Live'), `the stream is said to be “${shown.stream}”`);
  expect(
    shown.head === `${live.length} calls going on`,
    `it says “${shown.head}” of ${live.length} calls`,
  );
  expect(
    shown.rows.length === SHOWN_MAX && shown.hidden === live.length + ENDED_KEPT - SHOWN_MAX,
    `${shown.rows.length} calls are listed and ${shown.hidden} hidden, of ${live.length} live ones`,
  );
  const names = new Set(shown.rows.map(({ name }) => name));
  expect(names.size === shown.rows.length, 'a call is listed twice');
  // Older ones may stand behind the last row.
  for (const { phone } of live.slice(-SHOWN_MAX + ENDED_KEPT + TOGETHER))
    expect(names.has(phone), `${phone} is not listed`);
  for (const row of shown.rows) {
    const call = byPhone.get(row.name);
    if (!call) {
      problems.push(`${row.name} is listed and unknown`);
      continue;
    }
    expect(
      row.state === stateNames[call.state] && row.turns === call.turns.length,
      `${row.name} is shown as ${row.state} with ${row.turns} turns, and is ${call.state} with ${call.turns.length}`,
    );
    expect(
      call.state !== 'ended' || recent.includes(call),
      `${row.name} is still listed, and ended long ago`,
    );
  }
  const chosen = byPhone.get(shown.panelName);
  expect(
    chosen !== undefined &&
      JSON.stringify(shown.panelTurns) === JSON.stringify(chosen.turns.map(({ text }) => text)),
    `of ${shown.panelName} is shown ${JSON.stringify(shown.panelTurns)}`,
  );
  return problems;
}
