import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeMulaw } from '#audio/g711.ts';
import type { VoiceActivityEvent } from '#contracts/voice-activity.ts';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import { voiceActivityContract } from '#test/contracts/voice-activity.ts';
import { startInference } from './inference.ts';
import type { Inference, InferenceRequest } from './inference.ts';
import { createVoiceActivity } from './voice-activity.ts';
import type { SileroVoiceActivity } from './voice-activity.ts';
import { WINDOW_SAMPLES } from './window.ts';

describe('Silero', () => {
  const clock = virtualClock();
  let bank: Awaited<ReturnType<typeof createVoiceBank>>;
  let activity: SileroVoiceActivity;
  beforeAll(async () => {
    bank = await createVoiceBank();
    activity = await createVoiceActivity({ clock, log: silentLog });
  });
  afterAll(async () => {
    await activity.close();
    await bank[Symbol.asyncDispose]();
  });

  voiceActivityContract(() => ({
    activity,
    clock,
    settled: () => activity.settled(),
    say: (text, voice) => bank.speak(text, voice),
  }));

  test('a batch of 32 gives each stream what it gets alone, within rounding', async () => {
    const clip = await bank.speak('I would like to book a table.', 'slt');
    const mulaw = encodeMulaw(clip.pcm);
    const windowAt = (index: number): Uint8Array =>
      mulaw.subarray(index * WINDOW_SAMPLES, (index + 1) * WINDOW_SAMPLES);
    const steps = 20;
    const inference = await startInference();
    for (let step = 0; step < steps; step++) {
      const alone = await inference.run({
        slots: Uint32Array.of(99),
        fresh: Uint8Array.of(step === 0 ? 1 : 0),
        mulaw: windowAt(step),
      });
      const together = await inference.run({
        slots: Uint32Array.from({ length: 32 }, (_, row) => row),
        fresh: new Uint8Array(32).fill(step === 0 ? 1 : 0),
        // The others hear something else, so that a row mixed up would show.
        mulaw: Buffer.concat(
          Array.from({ length: 32 }, (_, row) => windowAt(row === 5 ? step : (step + row) % steps)),
        ),
      });
      expect(together[5]).toBeCloseTo(alone[0] ?? NaN, 4);
    }
    await inference.close();
  });

  test('a batch of nothing is refused, and the model goes on', async () => {
    const inference = await startInference();
    const batchOf = (rows: number): InferenceRequest => ({
      slots: new Uint32Array(rows),
      fresh: new Uint8Array(rows).fill(1),
      mulaw: new Uint8Array(rows * WINDOW_SAMPLES).fill(0xff),
    });
    await expect(inference.run(batchOf(0))).rejects.toThrow(RangeError);
    const [probability] = await inference.run(batchOf(1));
    expect(probability).toBeLessThan(0.1);
    await inference.close();
    await expect(inference.run(batchOf(1))).rejects.toThrow('ended');
  });
});

/** A model that believes in speech whenever a window is loud, and notes what it was asked. */
function modelOfLoudness(): { asked: InferenceRequest[]; start: () => Promise<Inference> } {
  const asked: InferenceRequest[] = [];
  return {
    asked,
    start: () =>
      Promise.resolve({
        run(request) {
          asked.push(request);
          const isLoud = (row: number): boolean =>
            request.mulaw
              .subarray(row * WINDOW_SAMPLES, (row + 1) * WINDOW_SAMPLES)
              .some((byte) => byte === 0x80);
          return Promise.resolve(
            Float32Array.from(request.slots, (_, row) => (isLoud(row) ? 0.9 : 0.1)),
          );
        },
        close: () => Promise.resolve(),
      }),
  };
}

const loud = (windows: number): Uint8Array => new Uint8Array(windows * WINDOW_SAMPLES).fill(0x80);
const quiet = (windows: number): Uint8Array => new Uint8Array(windows * WINDOW_SAMPLES).fill(0xff);

describe('the scheduling of the model', () => {
  test('a silent line never reaches the model', async () => {
    const { asked, start } = modelOfLoudness();
    const activity = await createVoiceActivity({ clock: virtualClock(), log: silentLog, start });
    const stream = activity.open(() => undefined);
    stream.write(quiet(1_000));
    await activity.settled();
    expect(asked).toHaveLength(0);
    await activity.close();
  });

  test('the model hears a little of what was before the sound', async () => {
    const { asked, start } = modelOfLoudness();
    const activity = await createVoiceActivity({ clock: virtualClock(), log: silentLog, start });
    const stream = activity.open(() => undefined);
    stream.write(quiet(10));
    stream.write(loud(1));
    await activity.settled();
    expect(asked.map(({ fresh }) => fresh[0])).toEqual([1, 0, 0, 0, 0]);
    await activity.close();
  });

  test('windows of many streams share a batch of at most 32', async () => {
    const { asked, start } = modelOfLoudness();
    const clock = virtualClock();
    const activity = await createVoiceActivity({ clock, log: silentLog, start });
    const streams = Array.from({ length: 70 }, () => activity.open(() => undefined));
    for (const stream of streams) stream.write(loud(1));
    await clock.advance(10);
    await activity.settled();
    expect(asked.map(({ slots }) => slots.length)).toEqual([32, 32, 6]);
    expect(new Set(asked.flatMap(({ slots }) => [...slots])).size).toBe(70);
    expect(clock.pending).toBe(0);
    await activity.close();
  });

  test('a model that dies is loaded again, and no window is lost', async () => {
    const { start } = modelOfLoudness();
    let starts = 0;
    const activity = await createVoiceActivity({
      clock: virtualClock(),
      log: silentLog,
      async start() {
        starts += 1;
        const model = await start();
        let runs = 0;
        const dying = starts === 1;
        return {
          ...model,
          run: (request) =>
            dying && ++runs === 3 ? Promise.reject(new Error('gone')) : model.run(request),
        };
      },
    });
    const events: VoiceActivityEvent[] = [];
    const stream = activity.open((event) => events.push(event));
    stream.write(loud(10));
    stream.write(quiet(20));
    await activity.settled();
    expect(starts).toBe(2);
    expect(events).toEqual([
      { type: 'started', audioMs: 0 },
      { type: 'stopped', audioMs: 320 },
    ]);
    await activity.close();
  });

  test('without any model left, loudness has to do', async () => {
    let starts = 0;
    const activity = await createVoiceActivity({
      clock: virtualClock(),
      log: silentLog,
      start() {
        starts += 1;
        if (starts > 1) return Promise.reject(new Error('no memory'));
        return Promise.resolve({
          run: () => Promise.reject(new Error('gone')),
          close: () => Promise.resolve(),
        });
      },
    });
    const events: VoiceActivityEvent[] = [];
    const stream = activity.open((event) => events.push(event));
    stream.write(loud(10));
    stream.write(quiet(20));
    await activity.settled();
    expect(events.map(({ type }) => type)).toEqual(['started', 'stopped']);
    await activity.close();
  });

  test('a listener that throws does not harm the others', async () => {
    const { start } = modelOfLoudness();
    const activity = await createVoiceActivity({ clock: virtualClock(), log: silentLog, start });
    const events: VoiceActivityEvent[] = [];
    const bad = activity.open(() => {
      throw new Error('a mistake');
    });
    const good = activity.open((event) => events.push(event));
    bad.write(loud(5));
    good.write(loud(5));
    await activity.settled();
    expect(events).toHaveLength(1);
    await activity.close();
  });

  test('close settles whoever waits, and leaves no timer', async () => {
    const { start } = modelOfLoudness();
    const clock = virtualClock();
    const activity = await createVoiceActivity({ clock, log: silentLog, start });
    activity.open(() => undefined).write(loud(3));
    const settled = activity.settled();
    await activity.close();
    await settled;
    expect(clock.pending).toBe(0);
  });
});
