import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeMulaw, MULAW_SILENCE, PHONE_FRAME_BYTES } from '#audio/g711.ts';
import { clipMulaw } from '#sandbox/speech/clip-audio.ts';
import { openEar } from '#sandbox/speech/ear.ts';
import type { OpenEar, SpeechClip, VoiceBank } from '#sandbox/speech/speech.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import { callReport } from './report.ts';
import type { CallRecord } from './record.ts';
import { scriptedCaller } from './scripted-caller.ts';
import type { Step } from './script.ts';

let bank: VoiceBank & AsyncDisposable;
let ear: OpenEar;

beforeAll(async () => {
  bank = await createVoiceBank();
  ear = openEar(bank);
});
afterAll(() => bank[Symbol.asyncDispose]());

const GREETING = 'Hello, this is the bakery. How can I help you today?';

/** What the other side does with a call, frame by frame. */
type OtherSide = {
  /** What sounds during this frame. */
  speak(atMs: number): Uint8Array | undefined;
  listen?(frame: Uint8Array | undefined, atMs: number): void;
  readonly hangUpAtMs?: number;
};

/** Runs a whole call without a carrier: frames in, frames out. */
async function call(
  script: readonly Step[],
  other: OtherSide,
  patienceMs = 10_000,
): Promise<{ readonly record: CallRecord; readonly pressed: string[] }> {
  const caller = await scriptedCaller({ bank, openEar: ear, script, patienceMs });
  const pressed: string[] = [];
  const state = { over: false };
  const hangUp = (by: 'caller' | 'other-side'): void => {
    if (!state.over) caller.ended(by);
    state.over = true;
  };
  caller.answered({ press: (digit) => void pressed.push(digit), hangUp: () => hangUp('caller') });
  for (let atMs = 0; !state.over; atMs += 20) {
    if (atMs > 120_000) throw new Error('the caller never hangs up');
    if (other.hangUpAtMs !== undefined && atMs >= other.hangUpAtMs) hangUp('other-side');
    else {
      caller.hear(other.speak(atMs) ?? new Uint8Array(PHONE_FRAME_BYTES).fill(MULAW_SILENCE));
      const frame = caller.nextFrame();
      other.listen?.(frame, atMs);
    }
  }
  return { record: await caller.done, pressed };
}

/** Plays clips at their times; what is not playing is silence. */
const playing = (...parts: readonly (readonly [fromMs: number, clip: SpeechClip])[]) => {
  return (atMs: number): Uint8Array | undefined => {
    for (const [fromMs, clip] of parts) {
      const at = ((atMs - fromMs) / 20) * PHONE_FRAME_BYTES;
      const mulaw = clipMulaw(clip);
      if (at < 0 || at >= mulaw.length) continue;
      const frame = new Uint8Array(PHONE_FRAME_BYTES).fill(MULAW_SILENCE);
      frame.set(mulaw.subarray(at, at + PHONE_FRAME_BYTES));
      return frame;
    }
    return undefined;
  };
};

const silence: OtherSide = { speak: () => undefined };
const textOf = (record: CallRecord, step: number): string =>
  record.steps[step]?.said.map(({ text }) => text).join(' ') ?? '';

describe('a caller with a script', () => {
  test('waits for the greeting’s end, speaks, and knows the agent by its own ear', async () => {
    const greeting = await bank.speak(GREETING, 'slt');
    const sounded: number[] = [];
    const { record } = await call(
      [{ waitForAgent: 'to-finish' }, { say: 'A loaf of rye bread please.' }],
      {
        speak: playing([500, greeting]),
        listen: (frame, atMs) => {
          if (frame) sounded.push(atMs);
        },
      },
    );
    expect(record.problem).toBeUndefined();
    expect(record.agentWords.map(({ text }) => text).join(' ')).toBe(GREETING);
    expect(textOf(record, 1)).toBe('A loaf of rye bread please.');
    const lastWord = greeting.words.at(-1)?.endMs ?? 0;
    expect(sounded[0]).toBeGreaterThanOrEqual(500 + lastWord + 700);
    // The words' times are those of the sound that left.
    expect(record.steps[1]?.startMs).toBe(sounded[0]);
    expect(record.steps[1]?.said.at(-1)?.endMs).toBeLessThanOrEqual((sounded.at(-1) ?? 0) + 20);
  });

  test('hesitates in the middle of a sentence for as long as asked', async () => {
    const { record } = await call(
      [{ hesitate: ['My number is', 1_200, 'five five five'] }],
      silence,
    );
    const [step] = record.steps;
    expect(textOf(record, 0)).toBe('My number is five five five');
    const pauseMs = (step?.hesitation?.endMs ?? 0) - (step?.hesitation?.startMs ?? 0);
    expect(Math.abs(pauseMs - 1_200)).toBeLessThanOrEqual(20);
    expect(step?.said[2]?.endMs).toBe(step?.hesitation?.startMs);
    expect(step?.said[3]?.startMs).toBe(step?.hesitation?.endMs);
  });

  test('interrupts after having heard so many words', async () => {
    const greeting = await bank.speak(GREETING, 'slt');
    const { record } = await call(
      [{ interrupt: 'Stop please.', afterWords: 4 }, { silence: 3_000 }],
      {
        speak: playing([0, greeting]),
      },
    );
    const startMs = record.steps[0]?.said[0]?.startMs ?? 0;
    const heardBefore = greeting.words.filter(({ endMs }) => endMs <= startMs);
    expect(heardBefore.length).toBeGreaterThanOrEqual(4);
    expect(startMs).toBeLessThan(greeting.words.at(-1)?.startMs ?? 0);
    const [bargeIn] = callReport(record).bargeIns;
    // This agent does not stop: it is heard to the end of its greeting.
    expect(bargeIn?.bargeInMs).toBeGreaterThan(500);
    expect(bargeIn?.heard).toBe(GREETING);
  });

  test('a sound of assent under the agent’s speech leaves the agent’s turn what it was', async () => {
    const greeting = await bank.speak(GREETING, 'slt');
    const { record } = await call(
      [{ backchannel: 'Yes.' }, { cough: true }, { waitForAgent: 'to-finish' }, { say: 'Hello.' }],
      { speak: playing([0, greeting]) },
    );
    expect(record.problem).toBeUndefined();
    const report = callReport(record);
    expect(report.callerTurns.map(({ text }) => text)).toEqual(['Hello.']);
    expect(report.agentUtterances.map(({ text }) => text)).toEqual([GREETING]);
  });

  test('presses keys, is silent, and hangs up', async () => {
    const { record, pressed } = await call(
      [{ press: '1#' }, { silence: 1_000 }, { hangUp: true }, { say: 'unreachable' }],
      silence,
    );
    expect(pressed).toEqual(['1', '#']);
    expect(record).toMatchObject({ endedBy: 'caller', problem: undefined });
    expect(record.steps).toHaveLength(2);
    expect(record.durationMs).toBe(1_420);
  });

  test('has the line’s noise behind its silence, and no silence in its place', async () => {
    const caller = await scriptedCaller({
      bank,
      openEar: ear,
      script: [{ silence: 60 }, { say: 'Hello.' }, { silence: 10_000 }],
      lineNoise: 30,
    });
    const levels = Array.from({ length: 400 }, () => {
      const frame = caller.nextFrame();
      expect(frame).toHaveLength(PHONE_FRAME_BYTES);
      const samples = frame ? [...decodeMulaw(frame)] : [];
      return samples.reduce((sum, sample) => sum + Math.abs(sample), 0) / PHONE_FRAME_BYTES;
    });
    const quiet = [...levels.slice(0, 3), ...levels.slice(-200)];
    expect(Math.min(...quiet)).toBeGreaterThan(5);
    expect(Math.max(...quiet)).toBeLessThan(50);
    expect(Math.max(...levels)).toBeGreaterThan(500);
  });

  test('expects the other side to hang up, and is content when it does', async () => {
    const { record } = await call([{ say: 'Bye.' }, { expectHangUp: true }], {
      ...silence,
      hangUpAtMs: 4_000,
    });
    expect(record).toMatchObject({ endedBy: 'other-side', problem: undefined });
  });

  test('is not content when the call ends in the middle, and keeps only the words that were said', async () => {
    const { record } = await call(
      [{ say: 'One two three four five six seven.' }, { say: 'Eight.' }],
      {
        ...silence,
        hangUpAtMs: 1_000,
      },
    );
    expect(record.problem).toContain('step 1 of 2');
    const [step] = record.steps;
    expect(step?.said.length).toBeGreaterThan(0);
    expect(step?.said.length).toBeLessThan(7);
    expect(step?.said.every(({ endMs }) => endMs <= 1_000)).toBe(true);
  });

  test.each<[Step, string]>([
    [{ waitForAgent: 'to-finish' }, 'the agent to speak'],
    [{ interrupt: 'Stop.', afterWords: 2 }, '2 words'],
    [{ expectHangUp: true }, 'to hang up'],
  ])('gives up on %j with a reason and hangs up', async (step, reason) => {
    const { record } = await call([step, { say: 'Unreachable.' }], silence, 2_000);
    expect(record.endedBy).toBe('caller');
    expect(record.problem).toContain(reason);
    expect(record.durationMs).toBe(2_020);
  });
});

test.each<[string, Step]>([
  ['without words', { say: ' ' }],
  ['with a key that is none', { press: 'A' }],
  ['with a silence of nothing', { silence: 0 }],
  ['with half a word to wait for', { interrupt: 'Stop.', afterWords: 1.5 }],
])('a script %s is refused, and its place is named', async (_, step) => {
  const opening = scriptedCaller({ bank, openEar: ear, script: [{ say: 'Hello.' }, step] });
  await expect(opening).rejects.toThrow('Step 2');
});
