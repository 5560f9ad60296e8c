import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PHONE_FRAME_BYTES } from '#audio/g711.ts';
import type { Heard, HearingStream, SpeechToText } from '#contracts/speech-to-text.ts';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '#sandbox/faults.ts';
import { clipMulaw, silence } from '#sandbox/speech/clip-audio.ts';
import { openEar } from '#sandbox/speech/ear.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import { startGoogle } from '#sandbox/vendors/google/server.ts';
import type { GoogleSimulator } from '#sandbox/vendors/google/server.ts';
import { patiently } from '#test/support/poll.ts';
import { recorder } from '#test/support/recorder.ts';
import type { Recorder } from '#test/support/recorder.ts';
import { googleSpeechToText } from './speech-to-text.ts';

const PHONE = { encoding: 'mulaw', sampleRateHz: 8_000 } as const;
const KEY = 'AIzaSandbox-f00dfeedf00dfeed';

let bank: Awaited<ReturnType<typeof createVoiceBank>>;
let table: Buffer;
let goodbye: Buffer;
beforeAll(async () => {
  bank = await createVoiceBank();
  table = clipMulaw(await bank.speak('I would like to book a table.', 'slt'));
  goodbye = clipMulaw(await bank.speak('Thank you, goodbye.', 'slt'));
});
afterAll(() => bank[Symbol.asyncDispose]());

/** The vendor and its simulator live in the same virtual time. */
describe('a call heard by Google', () => {
  let simulator: GoogleSimulator;
  let faults: ReturnType<typeof createFaults>;
  let clock: VirtualClock;
  let vendor: SpeechToText;
  let heard: Recorder<Heard>;
  let stream: HearingStream;
  const start = (): void => {
    heard = recorder();
    stream = vendor.listen({ language: 'en', keyterms: ['Trattoria Sole'] }, heard.on);
  };
  beforeEach(async () => {
    clock = virtualClock();
    faults = createFaults();
    simulator = await startGoogle({
      bank,
      openEar: openEar(bank),
      brain: () => ({}),
      clock,
      keys: [KEY],
      faults,
    });
    vendor = googleSpeechToText({ apiKey: KEY, baseUrl: simulator.url, clock, log: silentLog });
    start();
  });
  afterEach(async () => {
    vendor.close();
    await simulator.close();
    expect(clock.pending).toBe(0);
  });

  const write = (audio: Uint8Array): void => {
    for (let from = 0; from < audio.length; from += PHONE_FRAME_BYTES)
      stream.write(audio.subarray(from, from + PHONE_FRAME_BYTES));
  };
  const pause = (ms: number): void => write(silence(ms, PHONE));
  const openStreams = (): number =>
    simulator.streams().filter((one) => one.closedAtMs === undefined).length;
  const untilOpen = (count = 1): Promise<void> =>
    expect.poll(() => simulator.streams().length, patiently).toBe(count);
  const finals = (): readonly string[] =>
    heard.all.flatMap((one) => (one.type === 'final' ? [one.text] : []));
  const untilFinals = (count: number): Promise<void> =>
    expect.poll(() => finals().length, patiently).toBe(count);
  const isInterim = ({ type }: Heard): boolean => type === 'interim';
  /** Time goes by on the line, with a little sound now and then, as if nobody spoke. */
  const wait = async (ms: number): Promise<void> => {
    for (let leftMs = ms; leftMs > 0; leftMs -= 3_000) {
      await clock.advance(Math.min(3_000, leftMs));
      pause(100);
      await expect.poll(openStreams, patiently).toBe(1);
    }
  };
  const failures = (): readonly Heard[] => heard.all.filter(({ type }) => type === 'failed');

  test('longer than the service takes it is heard on in another stream', async () => {
    await untilOpen();
    write(table);
    pause(1_000);
    await untilFinals(1);
    await wait(400_000);
    write(goodbye);
    pause(1_000);
    await untilFinals(2);
    expect(finals()).toEqual(['I would like to book a table.', 'Thank you, goodbye.']);
    expect(failures()).toEqual([]);
    expect(simulator.streams().length).toBeGreaterThan(1);
  });

  test('a sentence that is uncertain when the stream has to change is heard whole, and once', async () => {
    await untilOpen();
    write(goodbye);
    pause(1_000);
    await untilFinals(1);
    await wait(230_000);
    // The service holds the words back until the last moment has passed.
    simulator.timing.finalMs = 600_000;
    write(table);
    await heard.until((one) => one.type === 'interim' && one.text.endsWith('table.'));
    await wait(54_000);
    expect(simulator.streams()).toHaveLength(1);
    await wait(6_000);
    expect(simulator.streams()).toHaveLength(2);
    simulator.timing.finalMs = 500;
    write(goodbye);
    pause(1_000);
    await untilFinals(3);
    expect(finals().slice(1)).toEqual(['I would like to book a table.', 'Thank you, goodbye.']);
    expect(failures()).toEqual([]);
  });

  test('finals come in the order in which they were asked for', async () => {
    write(table);
    pause(100);
    stream.finalize();
    write(goodbye);
    pause(100);
    stream.finalize();
    await untilFinals(2);
    expect(heard.all.filter(({ type }) => type === 'final')).toEqual([
      {
        type: 'final',
        text: 'I would like to book a table.',
        fromFinalize: true,
        untilMs: (table.length + 800) / 8,
      },
      {
        type: 'final',
        text: 'Thank you, goodbye.',
        fromFinalize: true,
        untilMs: (table.length + goodbye.length + 1_600) / 8,
      },
    ]);
  });

  test('a word that the end of a stream cuts in two is heard whole in the next', async () => {
    const clip = await bank.speak('I would like to book a table.', 'slt');
    const last = clip.words.at(-1);
    const middleMs = ((last?.startMs ?? 0) + (last?.endMs ?? 0)) / 2;
    const cut = Math.floor((middleMs * 8) / PHONE_FRAME_BYTES) * PHONE_FRAME_BYTES;
    // Once with the rest already there when the first stream ends, and once with the rest to come.
    for (const isEarly of [true, false]) {
      const before = finals().length;
      write(table.subarray(0, cut));
      stream.finalize();
      if (!isEarly) await untilFinals(before + 1);
      write(table.subarray(cut));
      pause(1_000);
      await untilFinals(before + 2);
      expect(finals().slice(before)).toEqual(['I would like to book a', 'table.']);
    }
  });

  test('what is asked for twice is answered once, and again when there is nothing more', async () => {
    write(table);
    stream.finalize();
    stream.finalize();
    await untilFinals(1);
    stream.finalize();
    await untilFinals(2);
    expect(heard.all.at(-1)).toEqual({ type: 'final', text: '', fromFinalize: true });
  });

  test('a final tells how much of the audio it stands for', async () => {
    await untilOpen();
    write(table);
    pause(1_000);
    const final = await heard.until(({ type }) => type === 'final');
    if (final.type !== 'final') return;
    const lengthMs = table.length / 8;
    expect(final.untilMs).toBeGreaterThan(lengthMs - 200);
    expect(final.untilMs).toBeLessThanOrEqual(lengthMs + 100);
  });

  test('on hold has no stream, and is heard again when it goes on', async () => {
    await untilOpen();
    write(table);
    await heard.until(isInterim);
    await clock.advance(5_000);
    await untilFinals(1);
    expect(finals()).toEqual(['I would like to book a table.']);
    await expect.poll(openStreams, patiently).toBe(0);
    await clock.advance(60_000);
    write(goodbye);
    pause(1_000);
    await untilFinals(2);
    expect(failures()).toEqual([]);
  });

  test('noise without words is no dead connection', async () => {
    await untilOpen();
    const noise = Uint8Array.from({ length: 800 }, (_, i) => (i * 7_919) % 251);
    for (let i = 0; i < 300; i++) {
      write(noise);
      await clock.advance(100);
      if (i % 40 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(failures()).toEqual([]);
    write(goodbye);
    pause(1_000);
    await untilFinals(1);
  });

  test('a connection that falls silent in the middle is found out', async () => {
    await untilOpen();
    write(table);
    await heard.until(isInterim);
    await faults.set({ kind: 'half-open' });
    let spokenMs = 0;
    for (; failures().length === 0 && spokenMs < 20_000; spokenMs += 100) {
      write(table.subarray(8_000, 8_800));
      await clock.advance(100);
    }
    expect(failures()).toMatchObject([{ failure: { code: 'timeout' } }]);
    expect(spokenMs).toBeLessThanOrEqual(7_000);
  });

  test('on a connection that had died unnoticed is heard from its first word', async () => {
    await untilOpen();
    write(table);
    stream.finalize();
    await untilFinals(1);
    stream.close();
    faults.plan(1, { kind: 'reset' });
    start();
    write(goodbye);
    pause(1_000);
    await untilFinals(1);
    expect(finals()).toEqual(['Thank you, goodbye.']);
  });

  test('a stream that does not end when it is told to has failed', async () => {
    await untilOpen();
    write(table);
    await heard.until(isInterim);
    faults.plan(1, { kind: 'half-open' });
    await faults.set({ kind: 'half-open' });
    stream.finalize();
    await clock.advance(5_000);
    expect(failures()).toMatchObject([{ failure: { code: 'timeout' } }]);
  });

  test('its audio is copied: the caller may use the bytes again', async () => {
    await untilOpen();
    const frame = new Uint8Array(PHONE_FRAME_BYTES);
    for (let from = 0; from < table.length; from += PHONE_FRAME_BYTES) {
      const piece = table.subarray(from, from + PHONE_FRAME_BYTES);
      frame.set(piece);
      stream.write(frame.subarray(0, piece.length));
      frame.fill(0);
    }
    stream.finalize();
    await untilFinals(1);
    expect(finals()).toEqual(['I would like to book a table.']);
  });
});
