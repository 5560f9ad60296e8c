import { expect, test } from 'vitest';
import { phoneBytes } from '#audio/g711.ts';
import { createTones } from './tones.ts';

/** A line that gives its marks back when it is told to. */
function line(leadMs = Infinity) {
  const sent: (number | string)[] = [];
  let cleared = 0;
  return {
    transport: {
      leadMs,
      sendAudio: (mulaw: Uint8Array) => void sent.push(mulaw.length),
      sendMark: (name: string) => void sent.push(name),
      clear: () => void cleared++,
    },
    sent,
    marks: () => sent.filter((one) => typeof one === 'string'),
    get cleared() {
      return cleared;
    },
  };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const never = new AbortController().signal;

test('tones are played once their last mark is back', async () => {
  const { transport, sent } = line();
  const tones = createTones(transport);
  let played = false;
  const done = tones.play(new Uint8Array(phoneBytes(400)), never).then(() => (played = true));
  await settle();
  expect(sent).toEqual([3_200, 'tones.1']);
  expect(played).toBe(false);
  expect(tones.mark('tones.1')).toBe(true);
  await done;
});

test('long ones are sent piece by piece, two ahead at most', async () => {
  const { transport, marks, sent } = line();
  const tones = createTones(transport);
  const done = tones.play(new Uint8Array(phoneBytes(1_700)), never);
  await settle();
  expect(marks()).toEqual(['tones.1', 'tones.2']);
  tones.mark('tones.1');
  await settle();
  expect(marks()).toEqual(['tones.1', 'tones.2', 'tones.3']);
  for (const name of ['tones.2', 'tones.3', 'tones.4']) {
    tones.mark(name);
    await settle();
  }
  await done;
  expect(sent.filter((one) => typeof one === 'number')).toEqual([4_000, 4_000, 4_000, 1_600]);
});

test('a line that cannot be cleared gets no more than its lead', async () => {
  const { transport, sent } = line(120);
  void createTones(transport).play(new Uint8Array(phoneBytes(1_000)), never);
  await settle();
  expect(sent.filter((one) => typeof one === 'number')).toEqual([480, 480]);
});

test('what is called off is taken off the line', async () => {
  const world = line();
  const stop = new AbortController();
  const done = createTones(world.transport).play(new Uint8Array(8_000), stop.signal);
  await settle();
  stop.abort(new Error('no more'));
  await expect(done).rejects.toThrow('no more');
  expect(world.cleared).toBe(1);
});

test('marks of others are theirs', () => {
  expect(createTones(line().transport).mark('1.2.160')).toBe(false);
});
