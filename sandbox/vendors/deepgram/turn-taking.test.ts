import { describe, expect, it } from 'vitest';
import { endOfTurnConfidence, soundsFinished } from './turn-taking.ts';

const timing = { endOfTurnMs: 350, eagerEndOfTurnMs: 150 };

describe('what sounds finished', () => {
  it.each(['Yes.', 'Is it open?', 'Stop!', 'He said "no."', 'I would like to.', 'Yes it is.'])(
    'is "%s"',
    (text) => expect(soundsFinished(text)).toBe(true),
  );

  it.each([
    'My number is',
    'My number is.',
    'I would like the',
    'And then...',
    'Well…',
    'Tuesday,',
    'I want it and.',
    'yes',
    '',
  ])('is not "%s"', (text) => expect(soundsFinished(text)).toBe(false));
});

describe('confidence that a turn is over', () => {
  it('of a finished sentence reaches the usual thresholds when it is told to', () => {
    expect(endOfTurnConfidence('Yes.', 150, timing)).toBeCloseTo(0.5);
    expect(endOfTurnConfidence('Yes.', 349, timing)).toBeLessThan(0.7);
    expect(endOfTurnConfidence('Yes.', 350, timing)).toBeCloseTo(0.7);
  });

  it('of an unfinished one stays low through a long hesitation', () => {
    expect(endOfTurnConfidence('My number is', 3_000, timing)).toBeLessThan(0.3);
    expect(endOfTurnConfidence('My number is', 60_000, timing)).toBe(0.75);
  });

  it.each(['Yes.', 'and'])('never falls as silence grows after "%s"', (text) => {
    let before = 0;
    for (let silenceMs = 0; silenceMs < 30_000; silenceMs += 10) {
      const sure = endOfTurnConfidence(text, silenceMs, timing);
      expect(sure).toBeGreaterThanOrEqual(before);
      expect(sure).toBeLessThan(1);
      before = sure;
    }
  });
});
