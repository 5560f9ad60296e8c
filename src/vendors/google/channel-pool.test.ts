import { afterEach, beforeEach, expect, test } from 'vitest';
import type { HearingStream, SpeechToText } from '#contracts/speech-to-text.ts';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '#sandbox/faults.ts';
import { openEar } from '#sandbox/speech/ear.ts';
import type { VoiceBank } from '#sandbox/speech/speech.ts';
import { startGoogle } from '#sandbox/vendors/google/server.ts';
import type { GoogleSimulator } from '#sandbox/vendors/google/server.ts';
import { patiently } from '#test/support/poll.ts';
import { googleSpeechToText } from './speech-to-text.ts';

const KEY = 'AIzaSandbox-f00dfeedf00dfeed';
/** Nobody speaks here. */
const mute: VoiceBank = { clips: [], speak: () => Promise.reject(new Error('mute')) };

let simulator: GoogleSimulator;
let vendor: SpeechToText;
beforeEach(async () => {
  const clock = virtualClock();
  simulator = await startGoogle({
    bank: mute,
    openEar: openEar(mute),
    brain: () => ({}),
    clock,
    keys: [KEY],
    faults: createFaults(),
  });
  vendor = googleSpeechToText({ apiKey: KEY, baseUrl: simulator.url, clock, log: silentLog });
});
afterEach(async () => {
  vendor.close();
  await simulator.close();
});

const listen = (count: number): HearingStream[] =>
  Array.from({ length: count }, () =>
    vendor.listen({ language: 'en-US', keyterms: [] }, () => undefined),
  );
const streamsOf = (connectionId: number): number =>
  simulator
    .streams()
    .filter((one) => one.connectionId === connectionId && one.closedAtMs === undefined).length;
const openConnections = (): number =>
  simulator.connections().filter((one) => one.closedAtMs === undefined).length;

test('many calls share a connection, and one more than it bears opens another', async () => {
  listen(80);
  await expect.poll(() => streamsOf(1), patiently).toBe(80);
  expect(openConnections()).toBe(1);
  listen(1);
  await expect.poll(() => streamsOf(2), patiently).toBe(1);
  expect(streamsOf(1)).toBe(80);
});

test('a connection that nobody needs any more is given back, but for the last one', async () => {
  const [first, ...others] = listen(81);
  await expect.poll(() => streamsOf(2), patiently).toBe(1);
  others.pop()?.close();
  await expect.poll(openConnections, patiently).toBe(1);
  for (const other of others) other.close();
  first?.close();
  await expect.poll(() => streamsOf(1), patiently).toBe(0);
  expect(openConnections()).toBe(1);
});
