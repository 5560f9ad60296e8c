import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { msOf, PHONE_AUDIO } from '#audio/format.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createPacer } from './pacer.ts';

const LEAD_MS = 80;

function rig() {
  const clock = virtualClock(1_000);
  const sent: { readonly atMs: number; readonly bytes: readonly number[] }[] = [];
  const marks: { readonly name: string; readonly atMs: number }[] = [];
  const cuts: number[] = [];
  const pacer = createPacer({
    clock,
    format: PHONE_AUDIO,
    leadMs: LEAD_MS,
    send: (mulaw) => void sent.push({ atMs: clock.now() - 1_000, bytes: [...mulaw] }),
    onMark: (name) => void marks.push({ name, atMs: clock.now() - 1_000 }),
    onCut: (next) => void cuts.push(next.length),
  });
  return {
    clock,
    pacer,
    sent,
    marks,
    cuts,
    /** How much had been sent by then, in milliseconds of sound. */
    sentMs: (atMs: number) =>
      msOf(
        sent.filter((one) => one.atMs <= atMs).reduce((sum, { bytes }) => sum + bytes.length, 0),
        PHONE_AUDIO,
      ),
  };
}

const second = Uint8Array.from({ length: 8_000 }, (_, index) => index % 251);

describe('sound to a player that cannot forget', () => {
  test('goes out a little ahead of time, whole and in order', async () => {
    const { clock, pacer, sent, sentMs } = rig();
    pacer.push(second);
    await clock.advance(2_000);
    expect(sent.flatMap(({ bytes }) => bytes)).toEqual([...second]);
    for (let atMs = 0; atMs <= 900; atMs += 10) {
      expect(sentMs(atMs)).toBeGreaterThanOrEqual(atMs + LEAD_MS - 20);
      expect(sentMs(atMs)).toBeLessThanOrEqual(atMs + LEAD_MS + 20);
    }
  });

  test('has its marks come back when it will have been played', async () => {
    const { clock, pacer, marks } = rig();
    pacer.mark('before');
    pacer.push(second.subarray(0, 1_000));
    pacer.mark('first');
    pacer.push(second.subarray(1_000, 4_000));
    pacer.mark('second');
    pacer.mark('again');
    await clock.advance(2_000);
    expect(marks).toEqual([
      { name: 'before', atMs: 0 },
      { name: 'first', atMs: 125 },
      { name: 'second', atMs: 500 },
      { name: 'again', atMs: 500 },
    ]);
  });

  test('stops within its lead when it is thrown away, softly; what was played is told before what was not', async () => {
    const { clock, pacer, sentMs, marks, cuts } = rig();
    for (let at = 0; at < 8_000; at += 400) {
      pacer.push(second.subarray(at, at + 400));
      pacer.mark(`${msOf(at + 400, PHONE_AUDIO)}`);
    }
    await clock.advance(300);
    pacer.clear();
    const sentAtClear = sentMs(300);
    await clock.advance(2_000);
    expect(sentMs(2_300)).toBe(sentAtClear);
    expect(sentAtClear).toBeLessThanOrEqual(300 + LEAD_MS + 20);
    expect(cuts).toEqual([40]);
    const played = marks.filter(({ name }) => Number(name) <= sentAtClear);
    expect(played.map(({ name, atMs }) => Number(name) - atMs)).toEqual(played.map(() => 0));
    const cleared = marks.slice(played.length);
    expect(cleared).toHaveLength(20 - played.length);
    expect(new Set(cleared.map(({ atMs }) => atMs))).toEqual(new Set([sentAtClear + 40]));
  });

  test('goes on after a stall of this process without catching up', async () => {
    const { clock, pacer, sent } = rig();
    pacer.push(second);
    await clock.advance(100);
    const before = sent.length;
    // Half a second in which no timer could fire is as if they had all been late.
    const late = rig();
    late.pacer.push(second.subarray(0, 160));
    await late.clock.advance(500);
    late.pacer.push(second.subarray(0, 4_000));
    const lateBytes = late.sent.slice(1).flatMap(({ bytes }) => bytes).length;
    expect(msOf(lateBytes, PHONE_AUDIO)).toBe(LEAD_MS);
    expect(before).toBeGreaterThan(0);
  });

  test('is silent once closed, and leaves no timer', async () => {
    const { clock, pacer, sent, marks } = rig();
    pacer.push(second);
    pacer.mark('end');
    await clock.advance(50);
    const before = sent.length;
    pacer.close();
    pacer.push(second);
    pacer.mark('late');
    await clock.advance(5_000);
    expect(sent).toHaveLength(before);
    expect(marks).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('brings every mark back once, whatever is done in whatever order', async () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 0, max: 3_000 }) }),
      fc.record({ wait: fc.integer({ min: 0, max: 200 }) }),
      fc.constant({ mark: true }),
      fc.constant({ clear: true }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { clock, pacer, marks, sentMs } = rig();
        let count = 0;
        for (const one of steps) {
          if ('push' in one) pacer.push(new Uint8Array(one.push));
          else if ('wait' in one) await clock.advance(one.wait);
          else if ('mark' in one) pacer.mark(`${count++}`);
          else pacer.clear();
          expect(sentMs(Infinity)).toBeLessThanOrEqual(
            clock.now() - 1_000 + (LEAD_MS + 20) * (steps.length + 1),
          );
        }
        await clock.advance(60_000);
        expect(
          marks.map(({ name }) => Number(name)).toSorted((left, right) => left - right),
        ).toEqual(Array.from({ length: count }, (_, index) => index));
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});
