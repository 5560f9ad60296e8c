import { describe, expect, test } from 'vitest';
import type { WordSpan } from '#sandbox/speech/speech.ts';
import type { CallRecord, Span, StepRecord } from './record.ts';
import { callReport, joined } from './report.ts';
import type { Step } from './script.ts';

/** `count` words of 200 ms from `fromMs` on, without gaps. */
const words = (fromMs: number, ...texts: string[]): WordSpan[] =>
  texts.map((text, index) => ({
    text,
    startMs: fromMs + index * 200,
    endMs: fromMs + (index + 1) * 200,
  }));

const done = (step: Step, said: readonly WordSpan[], hesitation?: Span): StepRecord => ({
  step,
  startMs: said[0]?.startMs ?? 0,
  endMs: said.at(-1)?.endMs ?? 0,
  said,
  hesitation,
});

const record = (parts: Partial<CallRecord>): CallRecord => ({
  steps: [],
  agentWords: [],
  agentSound: [],
  durationMs: 60_000,
  endedBy: 'caller',
  problem: undefined,
  ...parts,
});

describe('voice-to-voice time', () => {
  test('runs from the end of the last word to the first sound of the agent', () => {
    const report = callReport(
      record({
        steps: [done({ say: 'hi there' }, words(1_000, 'hi', 'there'))],
        agentSound: [
          { startMs: 0, endMs: 800 },
          { startMs: 2_100, endMs: 3_000 },
        ],
      }),
    );
    expect(report.voiceToVoiceMs).toEqual([700]);
    expect(report.callerTurns[0]).toMatchObject({ cutIn: false, text: 'hi there', endMs: 1_400 });
  });

  test('is unknown when the caller speaks again before any answer', () => {
    const report = callReport(
      record({
        steps: [
          done({ say: 'hi' }, words(1_000, 'hi')),
          done({ say: 'hello?' }, words(5_000, 'hello?')),
        ],
        agentSound: [{ startMs: 5_700, endMs: 7_000 }],
      }),
    );
    expect(report.callerTurns.map(({ voiceToVoiceMs }) => voiceToVoiceMs)).toEqual([
      undefined,
      500,
    ]);
    expect(report.voiceToVoiceMs).toEqual([500]);
  });

  test('is less than nothing when the agent starts on the last word, and a cut-in before it', () => {
    const turn = (startMs: number) =>
      callReport(
        record({
          steps: [done({ say: 'one two' }, words(1_000, 'one', 'two'))],
          agentSound: [{ startMs, endMs: 3_000 }],
        }),
      ).callerTurns[0];
    expect(turn(1_340)).toMatchObject({ voiceToVoiceMs: -60, cutIn: false });
    expect(turn(1_100)).toMatchObject({ voiceToVoiceMs: undefined, cutIn: true });
  });

  test('is not owed for sounds of assent and coughs', () => {
    const report = callReport(
      record({
        steps: [done({ backchannel: 'mm-hm' }, words(1_000, 'mm-hm')), done({ cough: true }, [])],
        agentSound: [{ startMs: 500, endMs: 4_000 }],
      }),
    );
    expect(report.callerTurns).toEqual([]);
    expect(report.bargeIns).toEqual([]);
  });
});

describe('barge-in time', () => {
  const interrupted = (agentSound: readonly Span[]) =>
    callReport(
      record({
        steps: [done({ interrupt: 'stop', afterWords: 2 }, words(3_000, 'stop'))],
        agentWords: words(1_000, 'a', 'long', 'story'),
        agentSound,
      }),
    ).bargeIns[0];

  test('runs from the interrupting speech to the agent’s last sound', () => {
    expect(
      interrupted([
        { startMs: 1_000, endMs: 3_180 },
        { startMs: 4_500, endMs: 5_000 },
      ]),
    ).toEqual({ atMs: 3_000, bargeInMs: 180, heard: 'a long story' });
  });

  test('does not end at a pause between two words', () => {
    const sound = [
      { startMs: 1_000, endMs: 3_100 },
      { startMs: 3_240, endMs: 3_400 },
    ];
    expect(interrupted(sound)?.bargeInMs).toBe(400);
  });

  test('counts a sentence that the agent starts right after the interruption began', () => {
    const sound = [
      { startMs: 1_000, endMs: 2_700 },
      { startMs: 3_100, endMs: 3_260 },
    ];
    expect(interrupted(sound)?.bargeInMs).toBe(260);
  });

  test('is unknown when the agent was not speaking', () => {
    const sound = [
      { startMs: 1_000, endMs: 2_700 },
      { startMs: 4_500, endMs: 5_000 },
    ];
    expect(interrupted(sound)?.bargeInMs).toBeUndefined();
  });
});

test.each([
  ['inside it', 2_000, true],
  ['before it, and going on', 900, false],
  ['after it', 2_700, false],
])('a hesitation with agent sound that starts %s', (_, startMs, cutIn) => {
  const said = [...words(1_000, 'my', 'number'), ...words(2_600, 'is', 'five')];
  const pause = { startMs: 1_400, endMs: 2_600 };
  const report = callReport(
    record({
      steps: [done({ hesitate: ['my number', 1_200, 'is five'] }, said, pause)],
      agentSound: [{ startMs, endMs: startMs + 1_000 }],
    }),
  );
  expect(report.cutInOnHesitation).toBe(cutIn);
});

test('the agent’s words are grouped by what the caller said in between, and by long silences', () => {
  const report = callReport(
    record({
      steps: [
        done({ say: 'hi' }, words(2_000, 'hi')),
        done({ backchannel: 'mm' }, words(3_100, 'mm')),
        done({ interrupt: 'wait', afterWords: 2 }, words(4_000, 'wait')),
      ],
      agentWords: [
        ...words(500, 'hello'),
        ...words(3_000, 'it', 'is', 'a', 'long'),
        ...words(3_800, 'story'),
        ...words(4_700, 'yes?'),
        ...words(8_000, 'hello?'),
      ],
    }),
  );
  expect(report.agentUtterances.map(({ text }) => text)).toEqual([
    'hello',
    'it is a long story',
    'yes?',
    'hello?',
  ]);
  expect(report.transcript.map(({ role, text }) => `${role}: ${text}`)).toEqual([
    'agent: hello',
    'caller: hi',
    'agent: it is a long story',
    'caller: wait',
    'agent: yes?',
    'agent: hello?',
  ]);
});

test('spans are joined over gaps shorter than asked', () => {
  const spans = [
    { startMs: 0, endMs: 100 },
    { startMs: 299, endMs: 400 },
    { startMs: 600, endMs: 700 },
  ];
  expect(joined(spans, 200)).toEqual([
    { startMs: 0, endMs: 400 },
    { startMs: 600, endMs: 700 },
  ]);
});
