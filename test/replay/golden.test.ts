import { describe, expect, test } from 'vitest';
import { readJournal } from '#replay/read-journal.ts';
import { differencesOf, replay } from '#replay/replay.ts';
import { asksOf } from '#replay/asks.ts';
import { rerun } from '#replay/rerun.ts';
import { journalOf } from '#test/support/recorded-talk.ts';
import { goldenNames, readGolden } from './golden.ts';
import { talks } from './talks.ts';

const RENEW = 'meant? `npm run -s replay:golden` writes it down, and git shows what it changes';

describe('calls are led as they were when they were recorded:', () => {
  test.each(goldenNames())('%s', (name) => {
    const replayed = replay(readJournal(readGolden(name).entries));
    expect(replayed.fault).toBeUndefined();
    expect(differencesOf(replayed), RENEW).toEqual([]);
  });
});

test('a real call that is led again with nothing changed has the same turns', () => {
  for (const name of ['demo', 'demo-own-endpointing', 'spoken-failover']) {
    const { steps } = replay(readJournal(readGolden(name).entries));
    const [first] = steps;
    if (!first) throw new Error('a call has steps');
    const run = rerun(asksOf(steps), { state: first.before, from: -1, atMs: 0 });
    const turns = steps.flatMap(({ effects }) =>
      effects.flatMap((effect) => (effect.type === 'record-turn' ? [effect.turn] : [])),
    );
    expect(turns.length).toBeGreaterThan(3);
    expect(run.turns.map(({ turn }) => turn)).toEqual(turns);
    expect(run.end.is).toBe('ended');
  }
});

test.each(Object.entries(talks))(
  '%s is still the call that the journal was made of',
  (name, talk) => {
    const inputs = (entries: readonly unknown[]): readonly unknown[] =>
      entries.filter((entry) => 'type' in Object(entry) && Object(entry).type !== 'journal');
    expect(inputs(readGolden(name).entries)).toEqual(inputs(journalOf(talk.play())));
  },
);
