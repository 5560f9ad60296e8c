import { expect, test } from 'vitest';
import type { HeardTurn } from './load/caller.ts';
import type { Stamp } from './mocks/stamps.ts';
import { ownShares } from './own-share.ts';

const turn = (spokenAtMs: number, arrivedAtMs: number): HeardTurn => ({
  line: 'Are you open?',
  reply: 'Of course, we are.',
  spokenAtMs,
  arrivedAtMs,
  heardAtMs: arrivedAtMs + 7,
  gapsMs: [],
  outcome: 'right',
});
/** What the vendors saw of a turn that ended at 0, with what was ours in it. */
const stamps = (fromMs: number, own: { think: number; speak: number }): readonly Stamp[] => {
  const asked = 150 + own.think;
  const spoken = asked + 450 + own.speak;
  const at: readonly (readonly [Stamp['kind'], number, string])[] = [
    ['eager', 150, 'Are you open?'],
    ['end', 350, 'Are you open?'],
    ['asked', asked, 'Are you open?'],
    ['clause', asked + 450, 'Of course,'],
    ['speak', spoken, 'Of course,'],
    ['speech', spoken + 150, 'Of course,'],
  ];
  return at.map(([kind, atMs, text]) => ({ kind, atMs: fromMs + atMs, text }));
};
const clauseOf = (): string => 'Of course,';

test('what the vendors take is not in the own share', () => {
  const seen = stamps(1_000, { think: 2, speak: 3 });
  const shares = ownShares([turn(1_000, 1_759)], seen, { isEager: true, clauseOf });
  expect(shares).toEqual([{ thinkMs: 2, speakMs: 3, playMs: 4, totalMs: 9 }]);
});

test('an answer that is ready before the turn has ended waits for its end without being blamed', () => {
  const early: readonly Stamp[] = stamps(0, { think: 1, speak: 1 }).map((stamp) =>
    stamp.kind === 'end' ? { ...stamp, atMs: 900 } : stamp,
  );
  const [share] = ownShares([turn(0, 903)], early, { isEager: true, clauseOf });
  expect(share?.playMs).toBe(3);
});

test('two calls that say the same line at once each have their own messages', () => {
  const seen = [...stamps(0, { think: 1, speak: 1 }), ...stamps(4, { think: 5, speak: 1 })];
  const shares = ownShares([turn(4, 763), turn(0, 753)], seen, { isEager: true, clauseOf });
  expect(shares).toHaveLength(2);
  expect(shares.reduce((sum, { totalMs }) => sum + totalMs, 0)).toBeCloseTo(1 + 1 + 1 + 5 + 1 + 3);
});

test('a turn whose messages are not all there is left out', () => {
  const seen = stamps(0, { think: 1, speak: 1 }).filter(({ kind }) => kind !== 'clause');
  expect(ownShares([turn(0, 753)], seen, { isEager: true, clauseOf })).toEqual([]);
});
