import { expect, test } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { Clock } from '#lib/clock.ts';
import type { Caller } from '#sandbox/caller/caller.ts';
import { openLine } from './line.ts';

const noFaults = { random: () => 0 };

/** Notes when each frame was heard, and says frames that hold their own number. */
function listener(clock: Clock) {
  const heardAtMs: number[] = [];
  const heard: number[] = [];
  let said = 0;
  const caller: Caller = {
    answered: () => undefined,
    hear(frame) {
      heardAtMs.push(clock.now());
      heard.push(frame[0] ?? -1);
    },
    nextFrame: () => new Uint8Array(160).fill(said++),
    ended: () => undefined,
  };
  return { caller, heardAtMs, heard };
}

test('frames follow each other every 20 ms from the answer on', async () => {
  const clock = virtualClock(1_000);
  const { caller, heardAtMs } = listener(clock);
  const line = openLine(clock, caller, noFaults);
  await clock.advance(60);
  expect(heardAtMs).toEqual([1_000, 1_020, 1_040, 1_060]);
  line.close();
  await clock.advance(100);
  expect(heardAtMs).toHaveLength(4);
  expect(clock.pending).toBe(0);
});

test('what the caller says during a frame arrives at its end, in order', async () => {
  const clock = virtualClock();
  const { caller } = listener(clock);
  const arrived: [number, number | undefined][] = [];
  const line = openLine(clock, caller, noFaults);
  line.connect({
    play: () => undefined,
    hear: (frame) => void arrived.push([clock.now(), frame?.[0]]),
  });
  await clock.advance(60);
  line.close();
  expect(arrived).toEqual([
    [20, 0],
    [40, 1],
    [60, 2],
  ]);
});

test('after a stall of the timers the missed frames follow at once and nothing drifts', async () => {
  const virtual = virtualClock();
  let stalledMs = 0;
  // A clock whose timers are late while `now` goes on, as when the process is busy.
  const clock: Clock = {
    ...virtual,
    now: () => virtual.now() + stalledMs,
    after: (delayMs, fire) => virtual.after(delayMs, fire),
  };
  const { caller, heardAtMs } = listener(clock);
  const line = openLine(clock, caller, noFaults);
  await virtual.advance(40);
  stalledMs = 205;
  await virtual.advance(20);
  expect(heardAtMs).toHaveLength(1 + Math.floor((60 + 205) / 20));
  await virtual.advance(20);
  expect(heardAtMs).toHaveLength(1 + Math.floor((80 + 205) / 20));
  line.close();
});

test('lost frames are silence for the caller and missing for the other side', async () => {
  const clock = virtualClock();
  const { caller, heard } = listener(clock);
  const arrived: (number | undefined)[] = [];
  const line = openLine(clock, caller, { lossRate: 0.5, random: () => 0.4 });
  line.connect({
    play: () => new Uint8Array(160).fill(3),
    hear: (frame) => void arrived.push(frame?.[0]),
  });
  await clock.advance(40);
  line.close();
  expect(heard).toEqual([0xff, 0xff, 0xff]);
  expect(arrived).toEqual([undefined, undefined]);
});
