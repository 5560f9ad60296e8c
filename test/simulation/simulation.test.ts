import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStage } from './batch.ts';
import type { Evidence } from './evidence.ts';
import { planOf, seedOfCall } from './plan.ts';
import { playCall } from './play.ts';
import type { Stage } from './play.ts';
import { memoryReturns } from './rules/memory.ts';
import { rules, violationsOf } from './rules/rules.ts';
import { runCalls } from './run.ts';
import { storyOf } from './story.ts';
import type { Piece } from './world/labelled-sound.ts';

/** A machine that does nothing else plays more of them. */
const CALLS = process.env['CI'] ? 2_000 : 200;
const SEED = Math.floor(Math.random() * 0xffff_ffff);

/** Calls that once broke a rule, and what it was that was mended. */
const ONCE_BROKEN: readonly (readonly [number, string])[] = [
  [3034493733, 'a recogniser that takes over says again what is final, word by word'],
  [1188655719, 'an empty end closes the words that are to be heard again'],
  [3094356573, 'a reply cut off after a pause of its voice counts as heard to the end'],
  [1828162322, 'a voice that stands alone repeats a word after a lost connection'],
  [3261768986, 'vendors are made ready by a node that has drained already'],
  [1776964446, 'a slow model keeps the line still and the journal does not say why'],
];

/** A call of several turns with a voice that tells word times. */
const QUIET = 2_986_409_349;

test(`${CALLS} calls with seed ${SEED} break no rule`, { timeout: 900_000 }, async () => {
  const { violations, calls, coverage } = await runCalls({ calls: CALLS, seed: SEED });
  expect(violations).toEqual([]);
  expect(calls).toBe(CALLS);
  expect(Object.keys(coverage.states)).toEqual(
    expect.arrayContaining(['ringing', 'greeting', 'listening', 'thinking', 'speaking', 'ending']),
  );
  expect(Object.keys(coverage.faults).length).toBeGreaterThan(30);
});

describe('a call', () => {
  let stage: Stage & AsyncDisposable;
  let whole: Evidence;
  beforeAll(async () => {
    stage = await openStage();
    await playCall({ ...planOf(1), store: 'memory' }, stage);
    whole = await playCall(planOf(QUIET), stage);
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  test.each(ONCE_BROKEN)('of seed %d breaks no rule: %s', { timeout: 60_000 }, async (seed) => {
    expect(violationsOf(await playCall(planOf(seed), stage))).toEqual([]);
  });

  test(
    'is the same for the same seed, whatever was played before',
    { timeout: 60_000 },
    async () => {
      const heardIn = ({ heard, acts, overMs, call }: Evidence): unknown => [
        heard.map(({ word, startMs, endMs }) => [word?.text, startMs, endMs]),
        acts,
        overMs,
        call?.turns,
      ];
      for (const number of [3, 4, 5]) {
        const plan = planOf(seedOfCall(7, number));
        const first = await playCall(plan, stage);
        await playCall(planOf(seedOfCall(8, number)), stage);
        expect(heardIn(await playCall(plan, stage))).toEqual(heardIn(first));
      }
    },
  );

  test('on the real store is as one in memory', { timeout: 60_000 }, async () => {
    const plan = planOf(QUIET);
    const real = await playCall({ ...plan, store: 'pglite' }, stage);
    expect(violationsOf(real)).toEqual([]);
    expect(real.call?.turns).toEqual(whole.call?.turns);
  });

  test('tells its story', () => {
    const story = storyOf(whole, violationsOf(whole)).join('\n');
    expect(story).toContain('heard      "Hello there, this is the front desk');
    expect(story).toContain('No rule was broken.');
  });

  describe('is judged by rules, of which', () => {
    const later = (piece: Piece): Piece => ({ ...piece, startMs: piece.startMs + 4_000 });
    const broken = (change: Partial<Evidence>): readonly string[] => [
      ...new Set(violationsOf({ ...whole, ...change }).map(({ rule }) => rule)),
    ];

    test('none is broken as it was', () => {
      expect(broken({})).toEqual([]);
      expect(new Set(rules.map(({ name }) => name)).size).toBe(rules.length);
    });

    test('a turn that is not stored breaks one', () => {
      const { call } = whole;
      if (!call) throw new Error('nothing was stored');
      expect(broken({ call: { ...call, turns: call.turns.slice(1) } })).toContain(
        'turns-are-stored',
      );
    });

    test('a word that nobody heard, or that was heard twice, breaks one', () => {
      const meant = whole.heard.find(({ word }) => word?.text === 'tiko');
      expect(meant).toBeDefined();
      const without = whole.heard.filter((piece) => piece !== meant);
      expect(broken({ heard: without })).toContain('context-is-what-was-heard');
      const twice = whole.heard.flatMap((piece) =>
        piece === meant ? [piece, later(piece)] : piece,
      );
      expect(broken({ heard: twice })).toContain('context-is-what-was-heard');
    });

    test('silence without a reason breaks one', () => {
      expect(broken({ heard: [], journal: whole.journal.slice(0, 1) })).toContain(
        'unexplained-silence',
      );
    });

    test('what is left open, a stuck call and a fault of the program each break one', () => {
      expect(broken({ leftovers: ['1 timers'] })).toEqual(['released']);
      expect(broken({ isStuck: true })).toEqual(['call-ends']);
      expect(broken({ complaints: [{ atMs: 1, what: 'a call failed' }] })).toEqual([
        'internal-error',
      ]);
      expect(broken({ mostUtterances: 2 })).toEqual(['two-replies-at-once']);
    });

    test('memory that grows with every call breaks one, and memory that does not breaks none', () => {
      const samples = (bytesPerCall: number) =>
        Array.from({ length: 20 }, (_, index) => ({
          seed: index,
          calls: (index + 1) * 100,
          usedBytes: 60_000_000 + bytesPerCall * (index + 1) * 100 + (index % 3) * 400_000,
        }));
      expect(memoryReturns(samples(0))).toEqual([]);
      expect(memoryReturns(samples(100_000)).map(({ rule }) => rule)).toEqual(['memory-floor']);
    });
  });
});
