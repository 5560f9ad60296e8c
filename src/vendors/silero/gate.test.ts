import { expect, test } from 'vitest';
import { CLOSED_GATE, nextGate } from './gate.ts';
import type { Gate } from './gate.ts';

const after = (gate: Gate, silentWindows: number, inSpeech: boolean): Gate => {
  let next = gate;
  for (let i = 0; i < silentWindows; i++) next = nextGate(next, false, inSpeech);
  return next;
};

test('it stays closed while the line is silent', () => {
  expect(after(CLOSED_GATE, 1_000, false).open).toBe(false);
});

test('one loud window opens it', () => {
  expect(nextGate(CLOSED_GATE, true, false).open).toBe(true);
});

test('it closes after a quarter of a second of silence, not before', () => {
  const open = nextGate(CLOSED_GATE, true, false);
  expect(after(open, 7, false).open).toBe(true);
  expect(after(open, 8, false).open).toBe(false);
});

test('it does not close in the middle of speech, and closes once speech is over', () => {
  const open = nextGate(CLOSED_GATE, true, false);
  const silent = after(open, 50, true);
  expect(silent.open).toBe(true);
  expect(nextGate(silent, false, false).open).toBe(false);
});

test('sound in between begins the count anew', () => {
  const open = after(nextGate(CLOSED_GATE, true, false), 7, false);
  expect(after(nextGate(open, true, false), 7, false).open).toBe(true);
});
