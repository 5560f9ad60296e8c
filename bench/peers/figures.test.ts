import { describe, expect, test } from 'vitest';
import { experienceOf, judge, nextStep, percentile, spreadOf } from './figures.ts';

const heard = new Uint8Array();
const turn = (voiceToVoiceMs: number | undefined, failure?: string) => ({
  askedAtMs: 0,
  voiceToVoiceMs,
  failure,
});

describe('percentiles', () => {
  test('are values that occurred', () => {
    expect(percentile([40, 10, 30, 20], 0.5)).toBe(20);
    expect(percentile([40, 10, 30, 20], 0.95)).toBe(40);
    expect(spreadOf([900.4])).toEqual({ p50: 900, p95: 900, count: 1 });
  });

  test('are none of nothing', () => {
    expect(percentile([], 0.5)).toBeUndefined();
    expect(spreadOf([])).toBeUndefined();
  });
});

test('an unanswered turn and an unheeded interruption are failures, not times', () => {
  const turns = [turn(800), turn(undefined, 'no answer'), turn(1_000)];
  const cutIns = [
    { askedAtMs: 0, silentAfterMs: 200, heard },
    { askedAtMs: 0, silentAfterMs: undefined, heard },
  ];
  expect(experienceOf(turns, cutIns)).toEqual({
    voiceToVoice: { p50: 800, p95: 1_000, count: 2 },
    bargeIn: { p50: 200, p95: 200, count: 1 },
    turns: 3,
    failedTurns: 2,
  });
});

describe('a step of the load', () => {
  const step = (p95: number, failedTurns = 0, generatorDelayMs = 5, droppedCalls = 0) => ({
    voiceToVoice: { p50: 800, p95, count: 400 },
    bargeIn: undefined,
    turns: 400,
    failedTurns,
    generatorDelayMs,
    droppedCalls,
  });

  test('holds while the 95th percentile is within a quarter of that of one call', () => {
    expect(judge(step(1_250), 1_000).state).toBe('holds');
    expect(judge(step(1_251), 1_000)).toEqual({
      state: 'degraded',
      why: 'voice-to-voice p95 1251 ms',
    });
  });

  test('holds while no more than one turn in 200 fails, and no call is dropped', () => {
    expect(judge(step(1_000, 2), 1_000).state).toBe('holds');
    expect(judge(step(1_000, 3), 1_000).state).toBe('degraded');
    expect(judge(step(1_000, 0, 5, 1), 1_000).state).toBe('degraded');
  });

  test('says nothing about the server where callers or mocks were late themselves', () => {
    expect(judge(step(2_000, 9, 80), 1_000).state).toBe('generator-limit');
    expect(judge(step(1_000, 0, 80), 1_000).state).toBe('holds');
  });

  test('fails without a single turn', () => {
    expect(judge({ ...step(1_000), turns: 0 }, 1_000).state).toBe('degraded');
  });
});

describe('the search for the most calls', () => {
  const limits = { first: 4, most: 100 };

  test('goes up by half until it was too many, or the limit is reached', () => {
    expect(nextStep(0, undefined, limits)).toBe(4);
    expect(nextStep(4, undefined, limits)).toBe(6);
    expect(nextStep(90, undefined, limits)).toBe(100);
    expect(nextStep(100, undefined, limits)).toBeUndefined();
  });

  test('then halves the gap until it is a seventh', () => {
    expect(nextStep(40, 60, limits)).toBe(50);
    expect(nextStep(50, 60, limits)).toBe(55);
    expect(nextStep(55, 60, limits)).toBeUndefined();
    expect(nextStep(0, 4, limits)).toBe(2);
    expect(nextStep(1, 2, limits)).toBeUndefined();
  });

  test('always ends', () => {
    for (let most = 0; most <= 100; most += 1) {
      let held = 0;
      let tooMany: number | undefined;
      for (
        let calls = nextStep(held, tooMany, limits), steps = 0;
        calls !== undefined;
        steps += 1
      ) {
        expect(steps).toBeLessThan(20);
        if (calls <= most) held = calls;
        else tooMany = calls;
        calls = nextStep(held, tooMany, limits);
      }
      expect(held).toBeLessThanOrEqual(most);
      expect(held).toBeGreaterThanOrEqual(Math.floor((most * 6) / 7) - 1);
    }
  });
});
