import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeMulaw, phoneBytes } from '#audio/g711.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { startCarrier } from '#sandbox/carrier/carrier.ts';
import { fakeServer, twimlAnswer } from '#sandbox/carrier/fake-server.ts';
import type { FakeSocket } from '#sandbox/carrier/fake-server.ts';
import type { CallFaults } from '#sandbox/carrier/faults.ts';
import { clipMulaw } from '#sandbox/speech/clip-audio.ts';
import { openEar } from '#sandbox/speech/ear.ts';
import type { VoiceBank } from '#sandbox/speech/speech.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import { callReport } from './report.ts';
import { scriptedCaller } from './scripted-caller.ts';
import type { Step } from './script.ts';

const FROM = '+15550100001';
const TO = '+15550100002';
const GREETING = 'Hello, you have reached the bakery. How can I help you?';
const STORY =
  'We have rye bread and wheat bread and rolls, and on Saturdays there is a cake with apples and cinnamon.';
const REPLY = 'One loaf it is. Goodbye.';

let bank: VoiceBank & AsyncDisposable;
beforeAll(async () => {
  bank = await createVoiceBank();
});
afterAll(() => bank[Symbol.asyncDispose]());

/**
 * An agent with known manners: silent after `bargeInMs` of the caller's voice, answering `answerMs`
 * after it ended. When its last line has been played it hangs up.
 */
function polite(
  socket: FakeSocket,
  lines: readonly Uint8Array[],
  { answerMs, bargeInMs }: { readonly answerMs: number; readonly bargeInMs: number },
): void {
  const left = [...lines];
  let voiceMs = 0;
  let quietMs = 0;
  let owesAnswer = false;
  const next = (): void => {
    const line = left.shift();
    if (!line) return;
    socket.play(line);
    if (left.length === 0) socket.mark('last');
  };
  const isStarted = socket.received.some(({ event }) => event === 'start');
  socket.listen(({ event, media }) => {
    if (event === 'start') next();
    if (event === 'mark') socket.close();
    if (event !== 'media' || !media) return;
    const pcm = decodeMulaw(Buffer.from(media.payload, 'base64'));
    const loud = pcm.reduce((sum, sample) => sum + Math.abs(sample), 0) / pcm.length > 50;
    voiceMs = loud ? voiceMs + 20 : 0;
    quietMs = loud ? 0 : quietMs + 20;
    if (voiceMs === bargeInMs) socket.clear();
    if (loud) owesAnswer = true;
    if (!owesAnswer || quietMs !== answerMs) return;
    owesAnswer = false;
    next();
  });
  if (isStarted) next();
}

/** The clip from its first word to its last, so that its sound starts and ends where it is told to. */
async function line(text: string): Promise<Uint8Array> {
  const clip = await bank.speak(text, 'slt');
  const untilMs = clip.words.at(-1)?.endMs ?? 0;
  return clipMulaw(clip).subarray(phoneBytes(clip.words[0]?.startMs ?? 0), phoneBytes(untilMs));
}

async function run(
  script: readonly Step[],
  lines: readonly Uint8Array[],
  manners: { readonly answerMs: number; readonly bargeInMs: number },
  faults: CallFaults = {},
) {
  const clock = virtualClock(1_700_000_000_000);
  const server = fakeServer(() =>
    twimlAnswer('<Response><Connect><Stream url="wss://v.example.test/s"/></Connect></Response>'),
  );
  await using carrier = await startCarrier({ clock, bank, network: server.network });
  const { accountSid } = carrier.addAccount();
  carrier.addNumber({ accountSid, phoneNumber: TO, voiceUrl: 'https://v.example.test/twiml' });
  const caller = await scriptedCaller({ bank, openEar: openEar(bank), script });
  const call = carrier.dial({ from: FROM, to: TO, caller, faults });
  await clock.advance(0);
  const [socket] = server.sockets;
  if (!socket) throw new Error('no stream came about');
  polite(socket, lines, manners);
  for (let second = 0; second < 90 && call.endedAtMs === undefined; second++)
    await clock.advance(1_000);
  const record = await caller.done;
  return { record, report: callReport(record), call, warnings: carrier.warnings };
}

const SCRIPT: readonly Step[] = [
  { waitForAgent: 'to-finish' },
  { say: 'What kinds of bread do you have?' },
  { interrupt: 'One loaf of rye please.', afterWords: 5 },
  { expectHangUp: true },
];

test('the caller’s ear measures an agent’s manners as they are, over the whole way there and back', async () => {
  const lines = [await line(GREETING), await line(STORY), await line(REPLY)];
  const { record, report, call, warnings } = await run(SCRIPT, lines, {
    answerMs: 600,
    bargeInMs: 100,
  });
  expect(record).toMatchObject({ problem: undefined, endedBy: 'other-side' });
  expect(warnings).toEqual([]);
  expect(call.streams[0]?.underruns).toEqual([]);
  // What the agent needs, the packets' 20 ms on the way in, and the frames' edges on both sides.
  for (const voiceToVoiceMs of report.voiceToVoiceMs) {
    expect(voiceToVoiceMs).toBeGreaterThanOrEqual(600 - 60);
    expect(voiceToVoiceMs).toBeLessThanOrEqual(600 + 80);
  }
  expect(report.voiceToVoiceMs).toHaveLength(2);
  const [bargeIn] = report.bargeIns;
  expect(bargeIn?.bargeInMs).toBeGreaterThanOrEqual(100);
  expect(bargeIn?.bargeInMs).toBeLessThanOrEqual(220);
  expect(STORY.startsWith(bargeIn?.heard ?? '-')).toBe(true);
  expect(bargeIn?.heard.split(' ').length).toBeLessThan(12);
  expect(report.agentUtterances.map(({ text }) => text)).toEqual([GREETING, bargeIn?.heard, REPLY]);
  expect(report.callerTurns.map(({ text }) => text)).toEqual([
    'What kinds of bread do you have?',
    'One loaf of rye please.',
  ]);
});

test('a delay between carrier and server is measured twice, there and back', async () => {
  const lines = [await line(GREETING), await line(REPLY)];
  const script = SCRIPT.slice(0, 2);
  const near = await run(script.concat({ expectHangUp: true }), lines, {
    answerMs: 600,
    bargeInMs: 100,
  });
  const far = await run(
    script.concat({ expectHangUp: true }),
    lines,
    { answerMs: 600, bargeInMs: 100 },
    { delayMs: 100 },
  );
  const [nearMs = 0] = near.report.voiceToVoiceMs;
  const [farMs = 0] = far.report.voiceToVoiceMs;
  expect(farMs - nearMs).toBe(200);
});

test('an agent without patience cuts in on a hesitation, and it shows', async () => {
  const lines = [await line(GREETING), await line(REPLY)];
  const script: Step[] = [
    { waitForAgent: 'to-finish' },
    { hesitate: ['I would like', 1_200, 'a loaf of rye.'] },
    { expectHangUp: true },
  ];
  const hasty = await run(script, lines, { answerMs: 400, bargeInMs: 100 });
  expect(hasty.report.cutInOnHesitation).toBe(true);
  const patient = await run(script, lines, { answerMs: 1_500, bargeInMs: 100 });
  expect(patient.report.cutInOnHesitation).toBe(false);
  expect(patient.record.problem).toBeUndefined();
});
