import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { VoiceActivityEvent } from '#contracts/voice-activity.ts';
import { nextSpeech, SILENCE } from './hysteresis.ts';

function judge(probabilities: readonly number[], loudUntilMs = 32): VoiceActivityEvent[] {
  let speech = SILENCE;
  const events: VoiceActivityEvent[] = [];
  for (const [index, probability] of probabilities.entries()) {
    const startMs = index * 32;
    const next = nextSpeech(speech, { startMs, endMs: startMs + 32, probability, loudUntilMs });
    speech = next.speech;
    if (next.event) events.push(next.event);
  }
  return events;
}

test('one window of speech is a click, two are a beginning', () => {
  expect(judge([0, 0.9, 0, 0, 0])).toEqual([]);
  expect(judge([0, 0.9, 0.9])).toEqual([{ type: 'started', audioMs: 32 }]);
});

test('speech goes on through a gap of two windows and ends after three', () => {
  expect(judge([0.9, 0.9, 0.1, 0.1, 0.9])).toHaveLength(1);
  expect(judge([0.9, 0.9, 0.1, 0.1, 0.1])).toEqual([
    { type: 'started', audioMs: 0 },
    { type: 'stopped', audioMs: 64 },
  ]);
});

test('a voice between the two thresholds keeps the state it is in', () => {
  expect(judge(Array.from({ length: 20 }, () => 0.45))).toEqual([]);
  expect(judge([0.9, 0.9, ...Array.from({ length: 20 }, () => 0.45)])).toHaveLength(1);
});

test('the end is where the last sound was, not where belief in it ended', () => {
  expect(judge([0.9, 0.9, 0.1, 0.1, 0.1], 8)).toContainEqual({ type: 'stopped', audioMs: 40 });
});

test('beginnings and ends alternate, in the order of time, whatever the model believes', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 200 }), (all) => {
      const events = judge(all);
      for (const [index, event] of events.entries()) {
        expect(event.type).toBe(index % 2 === 0 ? 'started' : 'stopped');
        expect(event.audioMs).toBeGreaterThanOrEqual(events[index - 1]?.audioMs ?? 0);
        expect(event.audioMs).toBeLessThanOrEqual(all.length * 32);
      }
    }),
  );
});
